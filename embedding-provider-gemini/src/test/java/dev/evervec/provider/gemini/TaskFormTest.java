package dev.evervec.provider.gemini;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.provider.InputKind;
import dev.evervec.provider.gemini.GeminiModel.Family;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TaskFormTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "RETRIEVAL_QUERY;      title: none | text: ;                task: search result | query: ",
                "RETRIEVAL_DOCUMENT;   title: none | text: ;                task: search result | query: ",
                "QUESTION_ANSWERING;   title: none | text: ;                task: question answering | query: ",
                "FACT_VERIFICATION;    title: none | text: ;                task: fact checking | query: ",
                "CODE_RETRIEVAL_QUERY; title: none | text: ;                task: code retrieval | query: ",
                "CLASSIFICATION;       task: classification | query: ;      task: classification | query: ",
                "CLUSTERING;           task: clustering | query: ;          task: clustering | query: ",
                "SEMANTIC_SIMILARITY;  task: sentence similarity | query: ; task: sentence similarity | query: "
            })
    void embedding2ReadsItsTaskInTheText(String taskType, String document, String query) {
        TaskForm documents = TaskForm.of(Family.EMBEDDING_2, taskType, InputKind.DOCUMENT, "task_type");
        TaskForm queries = TaskForm.of(Family.EMBEDDING_2, taskType, InputKind.QUERY, "task_type");

        // The table cannot hold the blank at the end, which belongs to the form.
        assertThat(documents).isEqualTo(new TaskForm(null, document.strip() + " "));
        assertThat(queries).isEqualTo(new TaskForm(null, query.strip() + " "));
    }
}
