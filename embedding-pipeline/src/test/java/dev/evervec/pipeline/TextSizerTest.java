package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.config.BuildSettings.TooLong;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.ProviderLimits;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class TextSizerTest {
    private final AtomicInteger counts = new AtomicInteger();

    /** A model whose tokens are words. */
    private TextSizer sizer(int tokensPerText, int tokensPerRequest, int bytesPerRequest) {
        return new TextSizer(new LLMProvider() {
            @Override
            public ModelIdentity model() {
                return ModelIdentity.embedding("p", "m", 2, "", "none");
            }

            @Override
            public ProviderLimits limits() {
                return new ProviderLimits(4, tokensPerText, tokensPerRequest, bytesPerRequest);
            }

            @Override
            public int countTokens(String text) {
                counts.incrementAndGet();
                return text.strip().split("\\s+").length;
            }

            @Override
            public void close() {}
        });
    }

    @Test
    void tokensAreCountedOnlyWhereALimitCanBeNear() {
        TextSizer sizer = sizer(10, 40, ProviderLimits.UNLIMITED);

        assertThat(sizer.size("ten bytes.").tokens()).isEqualTo(10);
        assertThat(counts).hasValue(0);
        assertThat(sizer.size("eleven bytes").tokens()).isEqualTo(2);
        assertThat(counts).hasValue(1);
    }

    @Test
    void withoutALimitNothingIsCounted() {
        sizer(ProviderLimits.UNLIMITED, ProviderLimits.UNLIMITED, 1000).size("word ".repeat(100_000));

        assertThat(counts).hasValue(0);
    }

    @Test
    void aTextOverTheLimitIsNamedWithBothNumbers() {
        TextSizer sizer = sizer(3, 100, 40);

        assertThat(sizer.tooLong(sizer.size("one two three"))).isNull();
        assertThat(sizer.tooLong(sizer.size("one two three four"))).isEqualTo("4 tokens, the model accepts 3");
        assertThat(sizer.tooLong(sizer.size("x".repeat(41)))).isEqualTo("41 bytes, a request carries 40");
    }

    @Test
    void truncatingKeepsTheLongestBeginningThatFitsAndNoHalfCharacter() {
        TextSizer words = sizer(3, 100, ProviderLimits.UNLIMITED);
        TextSizer bytes = sizer(ProviderLimits.UNLIMITED, ProviderLimits.UNLIMITED, 6);

        SizedText text = words.size("one two three four five");
        assertThat(words.fit(text, TooLong.SKIP)).isNull();
        assertThat(words.fit(text, TooLong.TRUNCATE).text().strip()).isEqualTo("one two three");
        assertThat(bytes.fit(bytes.size("ab😀😀"), TooLong.TRUNCATE).text()).isEqualTo("ab😀");
        assertThat(bytes.fit(bytes.size("       late"), TooLong.TRUNCATE)).isNull();
    }

    @Test
    void aTruncatedTextKnowsHowMuchIsLeft() {
        TextSizer sizer = sizer(3, 100, ProviderLimits.UNLIMITED);
        SizedText whole = sizer.size("one two three");
        SizedText cut = sizer.fit(sizer.size("one two three four"), TooLong.TRUNCATE);

        assertThat(whole.truncation()).isNull();
        assertThat(cut.truncation()).isEqualTo("truncated to 14 of 18 characters");
        assertThat(cut.truncated().truncation()).isEqualTo("truncated to 10 of 18 characters");
    }

    @Test
    void aTextIsTruncatedFurtherOnlyUntilTooLittleIsLeft() {
        SizedText text = sizer(1000, 1000, ProviderLimits.UNLIMITED).size("é😀".repeat(100));
        int times = 0;
        for (SizedText next = text; next != null; next = next.truncated()) {
            assertThat(text.text()).startsWith(next.text());
            assertThat(next.bytes()).isEqualTo(next.text().getBytes(StandardCharsets.UTF_8).length);
            assertThat(next.tokens()).isLessThanOrEqualTo(text.tokens());
            assertThat(next.hash()).isEqualTo(Sha256.ofText(next.text()));
            times++;
        }
        assertThat(times).isBetween(8, 12);
    }
}
