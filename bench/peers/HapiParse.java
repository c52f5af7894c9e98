// SPDX-License-Identifier: Apache-2.0
// HapiParse SECONDS LIST: parses the HL7 v2 files that LIST names over and over in one thread, without
// validation or mapping. Prints: hapi.hl7, messages, bytes, seconds.
import ca.uhn.hl7v2.DefaultHapiContext;
import ca.uhn.hl7v2.HL7Exception;
import ca.uhn.hl7v2.parser.CanonicalModelClassFactory;
import ca.uhn.hl7v2.parser.PipeParser;
import ca.uhn.hl7v2.validation.impl.ValidationContextFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

public class HapiParse {
    public static void main(String[] arguments) throws Exception {
        double wanted = Double.parseDouble(arguments[0]);
        List<String> messages = new ArrayList<>();
        try (var context = new DefaultHapiContext(ValidationContextFactory.noValidation())) {
            context.setModelClassFactory(new CanonicalModelClassFactory("2.5"));
            PipeParser parser = context.getPipeParser();
            for (String line : Files.readAllLines(Path.of(arguments[1]))) {
                if (line.endsWith(".hl7")) {
                    byte[] bytes = Files.readAllBytes(Path.of(line));
                    String text = new String(bytes, StandardCharsets.ISO_8859_1);
                    text = text.replace("\r\n", "\r").replace('\n', '\r');
                    if (parses(parser, text)) {
                        messages.add(text);
                    }
                }
            }
            run(parser, messages, wanted / 2); // until the compiler has warmed up
            run(parser, messages, wanted);
        }
    }

    private static boolean parses(PipeParser parser, String text) {
        try {
            parser.parse(text);
            return true;
        } catch (HL7Exception error) {
            return false;
        }
    }

    private static void run(PipeParser parser, List<String> messages, double wanted) throws HL7Exception {
        long started = System.nanoTime();
        long count = 0;
        long bytes = 0;
        double spent = 0;
        while (spent < wanted && !messages.isEmpty()) {
            for (String message : messages) {
                parser.parse(message);
                count++;
                bytes += message.length();
            }
            spent = (System.nanoTime() - started) / 1e9;
        }
        if (count > 0) {
            System.out.printf(Locale.ROOT, "hapi.hl7 %d %d %.6f%n", count, bytes, spent);
        }
    }
}
