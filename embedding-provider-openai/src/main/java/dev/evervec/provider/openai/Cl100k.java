package dev.evervec.provider.openai;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;

/** The tokenizer of OpenAI's embedding models; a class of its own so that its tables (25 MB) load on first use. */
final class Cl100k {
    private static final Encoding ENCODING = Encodings.newLazyEncodingRegistry().getEncoding(EncodingType.CL100K_BASE);

    private Cl100k() {}

    /** The number of tokens; special tokens such as {@code <|endoftext|>} count as the plain text they are. */
    static int count(String text) {
        return ENCODING.countTokensOrdinary(text);
    }
}
