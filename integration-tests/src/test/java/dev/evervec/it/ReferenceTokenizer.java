package dev.evervec.it;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * OpenAI's tokenizers a second time, after the vendor's description: a regular expression splits the text, then of each piece
 * the adjacent parts with the lowest rank are merged for as long as any two have a rank. Slow and plain, so that it can be
 * seen to be right. It has nothing in common with the library's tokenizer but the table of ranks, whose checksum is the one that
 * the vendor publishes (tiktoken 0.12, openai_public.py).
 */
enum ReferenceTokenizer {
    CL100K(
            "cl100k_base",
            "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)",
            "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+",
            "\\p{N}{1,3}",
            " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*",
            "\\s*[\\r\\n]+",
            "\\s+(?!\\S)",
            "\\s+"),
    O200K(
            "o200k_base",
            "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
            "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            "\\p{N}{1,3}",
            " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*",
            "\\s*[\\r\\n]+",
            "\\s+(?!\\S)",
            "\\s+");

    /** What a chat model is billed for around one prompt, by the vendor's cookbook. */
    private static final int TOKENS_AROUND_PROMPT = 7;

    private final String name;
    private final String sha256;
    private final Pattern pieces;
    private @Nullable Map<String, Integer> ranks;

    ReferenceTokenizer(String name, String sha256, String... alternatives) {
        this.name = name;
        this.sha256 = sha256;
        // Blanks and cases are Unicode's, as in the vendor's engine.
        this.pieces = Pattern.compile(String.join("|", alternatives), Pattern.UNICODE_CHARACTER_CLASS);
    }

    /** What a chat completion is billed for this prompt. */
    static int ofPrompt(String prompt) {
        return O200K.count(prompt) + TOKENS_AROUND_PROMPT;
    }

    /** The number of tokens; special ones are not known here and are the text that they look like. */
    int count(String text) {
        return pieces.matcher(text)
                .results()
                .map(MatchResult::group)
                .mapToInt(this::tokensOfPiece)
                .sum();
    }

    private int tokensOfPiece(String piece) {
        // One character for each byte, so that parts of characters can be looked up.
        String bytes = new String(piece.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
        List<String> parts = new ArrayList<>();
        for (int i = 0; i < bytes.length(); i++) {
            parts.add(bytes.substring(i, i + 1));
        }
        for (int best = lowest(parts); best >= 0; best = lowest(parts)) {
            parts.set(best, parts.get(best) + parts.remove(best + 1));
        }
        return parts.size();
    }

    /** Where the first of the pairs with the lowest rank begins, or -1 if no pair has one. */
    private int lowest(List<String> parts) {
        int lowest = Integer.MAX_VALUE;
        int at = -1;
        for (int i = 0; i + 1 < parts.size(); i++) {
            Integer rank = ranks().get(parts.get(i) + parts.get(i + 1));
            if (rank != null && rank < lowest) {
                lowest = rank;
                at = i;
            }
        }
        return at;
    }

    private synchronized Map<String, Integer> ranks() {
        if (ranks == null) {
            ranks = read();
        }
        return ranks;
    }

    private Map<String, Integer> read() {
        Map<String, Integer> read = new HashMap<>();
        new String(file(), StandardCharsets.US_ASCII).lines().forEach(line -> {
            int blank = line.indexOf(' ');
            byte[] token = Base64.getDecoder().decode(line.substring(0, blank));
            read.put(new String(token, StandardCharsets.ISO_8859_1), Integer.valueOf(line.substring(blank + 1)));
        });
        return read;
    }

    private byte[] file() {
        String resource = "/com/knuddels/jtokkit/" + name + ".tiktoken";
        try (InputStream in = Objects.requireNonNull(ReferenceTokenizer.class.getResourceAsStream(resource))) {
            byte[] file = in.readAllBytes();
            String found = HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(file));
            if (!found.equals(sha256)) {
                throw new IllegalStateException(resource + " is not the vendor's: its SHA-256 is " + found);
            }
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
