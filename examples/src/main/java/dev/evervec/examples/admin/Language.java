package dev.evervec.examples.admin;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** A language of the admin page. The first one is spoken where no other is asked for. */
enum Language {
    EN("en", "English"),
    ZH_TW("zh-TW", "繁體中文"),
    ZH_CN("zh-CN", "简体中文");

    /** All of them, in the order in which the page offers them. */
    static final List<Language> ALL = List.of(values());

    private final String tag;
    private final String ownName;

    Language(String tag, String ownName) {
        this.tag = tag;
        this.ownName = ownName;
    }

    /** The language with exactly this BCP 47 tag. */
    static Optional<Language> ofTag(String tag) {
        return Arrays.stream(values())
                .filter(language -> language.tag.equals(tag))
                .findFirst();
    }

    /** Its BCP 47 tag, which is also the value of the cookie. */
    String tag() {
        return tag;
    }

    /** What those who speak it call it. */
    String ownName() {
        return ownName;
    }

    /** How it writes numbers and dates. */
    Locale locale() {
        return Locale.forLanguageTag(tag);
    }
}
