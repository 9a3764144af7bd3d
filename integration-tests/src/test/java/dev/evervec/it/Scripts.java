package dev.evervec.it;

import java.util.List;
import java.util.Random;

/** Texts in many scripts, from a seed: words that occur, words that do not, and what stands between words. */
final class Scripts {
    /** How texts of one script look. */
    enum Script {
        LATIN(
                "a",
                "ſ",
                "The quick brown fox doesn't jump",
                "Größe naïve İstanbul œuvre Łódź",
                "we'll you're I'VE he'D",
                "CamelCaseXMLHttp"),
        CYRILLIC("а", "я", "Быстрая лисица перепрыгивает через собаку", "щётка объём ЁЛКА", "і ї є ґ"),
        GREEK("α", "ω", "Η γρήγορη αλεπού πηδάει", "ΟΔΥΣΣΕΥΣ ὀδυσσεύς ᾠδή", "Ἀθῆναι"),
        ARABIC("ا", "ي", "الثعلب السريع يقفز فوق الكلب", "لَا إِلٰهَ ١٢٣", "پژگچ"),
        HEBREW("א", "ת", "השועל המהיר קופץ מעל הכלב", "בְּרֵאשִׁית בָּרָא", "צה״ל"),
        DEVANAGARI("क", "ह", "तेज़ लोमड़ी कुत्ते के ऊपर कूदती है", "क्षत्रिय ज्ञान श्री", "१२३४"),
        CJK("一", "龥", "敏捷的狐狸跳过懒狗。", "素早い茶色の狐はのろまな犬を飛び越える", "빠른 갈색 여우가 뛰어넘는다", "𠮷野家、３．１４"),
        THAI_EMOJI_CODE(
                "ก",
                "ฮ",
                "สุนัขจิ้งจอกกระโดดข้ามสุนัข",
                "👍🏽👩‍👩‍👧‍👦🇩🇪❤️",
                "for (int i = 0; i < n; i++) {",
                "x^2 != y_1 /* no */",
                "https://a.example/?q=1&r=%20");

        private final String first;
        private final String last;
        private final List<String> phrases;

        Script(String first, String last, String... phrases) {
            this.first = first;
            this.last = last;
            this.phrases = List.of(phrases);
        }
    }

    private static final List<String> BETWEEN = List.of(
            " ", " ", " ", " ", "  ", "\n", "\n\n", "\r\n", " \n ", "\t", "   \t", ", ", ". ", "-", "'", "’", "\u00a0",
            "\u2028", "\u0085", "\u3000", "\u200d", "\u0301", "/", "//\n", "...", "…\n", "\u0000", "'s ", "'ſ", "\"");

    /** What looks like a mark of the tokenizer's own. */
    private static final List<String> SPECIAL =
            List.of("<|endoftext|>", "<|fim_prefix|>", "<|im_start|>user", "<|endofprompt|>", "<|", "|>");

    private final Random random;

    Scripts(Random random) {
        this.random = random;
    }

    /** A text of up to so many words; not blank. */
    String text(Script script, int mostWords) {
        StringBuilder text = new StringBuilder();
        int words = 1 + random.nextInt(mostWords);
        for (int i = 0; i < words; i++) {
            text.append(word(script)).append(any(BETWEEN));
        }
        return random.nextInt(4) == 0 ? text.toString().stripTrailing() : text.toString();
    }

    private String word(Script script) {
        return switch (random.nextInt(12)) {
            case 0 -> letters(script);
            case 1 -> Integer.toString(random.nextInt(2_000_000));
            case 2 -> any(SPECIAL);
            case 3 -> any(script.phrases).toUpperCase(java.util.Locale.ROOT);
            case 4 -> letters(script) + random.nextInt(100) + letters(script);
            default -> any(script.phrases);
        };
    }

    private String letters(Script script) {
        int first = script.first.codePointAt(0);
        int last = script.last.codePointAt(0);
        return random.ints(1 + random.nextInt(9), first, last + 1)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    private String any(List<String> strings) {
        return strings.get(random.nextInt(strings.size()));
    }
}
