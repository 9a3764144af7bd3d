package dev.evervec.examples.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.pipeline.progress.BuildProgress.Phase;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.JobScope.Task;
import dev.evervec.pipeline.store.JobState;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The words of the page: complete, translated, and each of them used. */
class MessagesTest {
    /** Nothing but values and signs. */
    private static final Set<String> WITHOUT_WORDS = Set.of("about", "announce_job", "stage_figures");

    private static final Pattern VALUE = Pattern.compile("\\{(\\w+)}");
    private static final Pattern HAN = Pattern.compile("\\p{IsHan}");
    private static final String ONLY_SIMPLIFIED = "个们这来时说对开关闭语览询记录构续运费预计标识错误连断务执码资间总请数据载复进处态过还没达实页选项";
    private static final String ONLY_TRADITIONAL = "個們這來時說對開關閉語覽詢記錄構續運費預計標識錯誤連斷務執碼資間總請數據載複進處態過還沒達實頁選項";

    private final Map<String, String> english = Messages.of(Language.EN).byKey();

    @ParameterizedTest
    @EnumSource(Language.class)
    void everyLanguageHasTheSameKeys(Language language) {
        assertThat(new TreeSet<>(Messages.of(language).byKey().keySet())).isEqualTo(new TreeSet<>(english.keySet()));
    }

    @ParameterizedTest
    @EnumSource(Language.class)
    void noWordsAreMissing(Language language) {
        assertThat(Messages.of(language).byKey().values()).noneMatch(String::isBlank);
    }

    @ParameterizedTest
    @EnumSource(names = {"ZH_TW", "ZH_CN"})
    void everythingIsTranslated(Language language) {
        Map<String, String> words = Messages.of(language).byKey();

        assertThat(keys(words, text -> !HAN.matcher(text).find())).isEqualTo(new TreeSet<>(WITHOUT_WORDS));
        assertThat(keys(english, text -> HAN.matcher(text).find())).isEmpty();
    }

    @Test
    void traditionalIsNotSimplifiedNorTheOtherWayRound() {
        assertThat(ofEither(Language.ZH_TW, ONLY_SIMPLIFIED)).isEmpty();
        assertThat(ofEither(Language.ZH_CN, ONLY_TRADITIONAL)).isEmpty();
        assertThat(ofEither(Language.ZH_TW, ONLY_TRADITIONAL)).hasSizeGreaterThan(20);
        assertThat(ofEither(Language.ZH_CN, ONLY_SIMPLIFIED)).hasSizeGreaterThan(20);
    }

    @ParameterizedTest
    @EnumSource(Language.class)
    void theSameValuesAreFilledIn(Language language) {
        Messages.of(language)
                .byKey()
                .forEach((key, text) ->
                        assertThat(values(text)).as(key).isEqualTo(values(String.valueOf(english.get(key)))));
    }

    @Test
    void everyCodeOfTheApiHasItsWords() {
        assertThat(english.keySet())
                .contains(family("reason", Arrays.stream(Reason.values()).map(Reason::code)))
                .contains(family("state", Arrays.stream(JobState.values()).map(JobState::code)))
                .contains(family("phase", Arrays.stream(Phase.values()).map(Phase::code)))
                .contains(family("phase", Stream.of("unknown")))
                // Live embedding is no job of the page.
                .contains(family(
                        "kind",
                        Arrays.stream(Task.values())
                                .filter(task -> task != Task.LIVE)
                                .map(Task::code)))
                .contains(family("kind", Stream.of("dry_run")));
    }

    @Test
    void everyProblemOfTheServerHasItsWords() throws IOException {
        Set<String> problems =
                found("(?:(?:\\bof|Problem)\\(\\s*\\d{3},|\\bconflict\\()\\s*\"([a-z_]+)\"", PageFiles.java());

        assertThat(problems).contains("invalid", "already_running", "unauthorized", "too_many_streams");
        assertThat(english.keySet()).contains(family("problem", problems.stream()));
    }

    @Test
    void everyReasonSaysOnWhichSideOfTheBooksItIs() {
        for (Reason reason : Reason.values()) {
            String side = reason.kind() == Reason.Kind.SKIPPED ? "Skipped: " : "Failed: ";
            assertThat(english.get("reason_" + reason.code())).startsWith(side);
        }
    }

    @Test
    void whatIsUsedExistsAndWhatExistsIsUsed() throws IOException {
        String templates = PageFiles.all(".mustache");
        String scripts = PageFiles.all(".js");
        Set<String> used = new TreeSet<>(found("\\{\\{t\\.(\\w+)}}", templates));
        used.addAll(found("\\bt\\('(\\w+)'", scripts));
        assertThat(english.keySet()).containsAll(used);

        used.addAll(found("'(\\w+)'", scripts));
        used.addAll(found("\"(login_\\w+)\"", PageFiles.java()));
        Set<String> families = found("word\\('(\\w+)'", scripts);
        families.addAll(found("t\\(`(\\w+)_\\$", scripts));
        families.addAll(found("`(submit)_\\$", scripts));
        assertThat(english.keySet().stream()
                        .filter(key -> !used.contains(key))
                        .filter(key -> !families.contains(key.substring(0, Math.max(0, key.indexOf('_'))))))
                .isEmpty();
    }

    @Test
    void aKeyThatDoesNotExistIsRefused() {
        assertThatThrownBy(() -> new Messages(english).text("no_such_key"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no_such_key");
    }

    private static Set<String> keys(Map<String, String> words, Predicate<String> which) {
        Set<String> keys = new TreeSet<>();
        words.forEach((key, text) -> {
            if (which.test(text)) {
                keys.add(key);
            }
        });
        return keys;
    }

    private static Set<String> ofEither(Language language, String characters) {
        Set<String> found = new TreeSet<>();
        String all = String.join("", Messages.of(language).byKey().values());
        characters
                .codePoints()
                .mapToObj(Character::toString)
                .filter(all::contains)
                .forEach(found::add);
        return found;
    }

    private static Set<String> values(String text) {
        return found(VALUE.pattern(), text);
    }

    private static Set<String> found(String pattern, String text) {
        Set<String> found = new TreeSet<>();
        Matcher matcher = Pattern.compile(pattern).matcher(text);
        while (matcher.find()) {
            found.add(matcher.group(1));
        }
        return found;
    }

    private static String[] family(String name, Stream<String> codes) {
        return codes.map(code -> name + "_" + code).toArray(String[]::new);
    }
}
