// SPDX-License-Identifier: Apache-2.0
// EsperRules FOLDER EPL: puts the facts of FOLDER/facts.csv to the statements of EPL in the order of their
// time, on one thread. Writes FOLDER/esper.csv: rule, client, moment. Prints: events, seconds, processor
// seconds, bytes that the statements and what they hold take at the end.
import com.espertech.esper.common.client.configuration.Configuration;
import com.espertech.esper.compiler.client.CompilerArguments;
import com.espertech.esper.compiler.client.EPCompilerProvider;
import com.espertech.esper.runtime.client.EPEventService;
import com.espertech.esper.runtime.client.EPRuntime;
import com.espertech.esper.runtime.client.EPRuntimeProvider;
import java.io.BufferedReader;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

public class EsperRules {
    private static final String[] RULES = {
        "", "emergency-visits", "visits", "no-shows", "many-professions", "many-services", "concern",
        "emergency-often", "vague-reasons"};
    private static final Set<String> NOT_MET = Set.of("R60", "R70", "R71", "R72");

    public static class Person {
        private final int client;
        private final long adultMs;

        Person(int client, long adultMs) {
            this.client = client;
            this.adultMs = adultMs;
        }

        public int getClient() { return client; }
        public long getAdultMs() { return adultMs; }
    }

    public static class Fact {
        private final int client;
        private final long startMs;
        private final String kind, setting, status, profession, service, sectorService, code;
        private final boolean met;

        Fact(String[] row, Map<String, String> texts) {
            client = Integer.parseInt(row[0]);
            startMs = Long.parseLong(row[1]);
            kind = once(row[3], texts);
            setting = once(row[7], texts);
            status = once(row[8], texts);
            profession = once(row[9], texts);
            service = once(row[10], texts);
            sectorService = once(row[6] + "/" + row[10], texts);
            code = once(row[13], texts);
            met = (kind.equals("visit") || kind.equals("contact")) && !NOT_MET.contains(row[11]);
        }

        private static String once(String text, Map<String, String> texts) {
            return texts.computeIfAbsent(text, key -> key);
        }

        public int getClient() { return client; }
        public String getKind() { return kind; }
        public String getSetting() { return setting; }
        public String getStatus() { return status; }
        public String getProfession() { return profession; }
        public String getService() { return service; }
        public String getSectorService() { return sectorService; }
        public String getCode() { return code; }
        public boolean isMet() { return met; }
        public boolean isServed() { return met || kind.equals("clientship"); }
    }

    private static List<Fact> readFacts(Path path) throws Exception {
        List<Fact> facts = new ArrayList<>();
        Map<String, String> texts = new HashMap<>();
        try (BufferedReader reader = Files.newBufferedReader(path)) {
            reader.readLine();
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                String[] row = line.split(",", -1);
                if (row[4].equals("0")) { // what is told again changes nothing that is counted here
                    facts.add(new Fact(row, texts));
                }
            }
        }
        return facts;
    }

    private static void sendPeople(EPEventService events, Path path) throws Exception {
        List<String> lines = Files.readAllLines(path);
        for (String line : lines.subList(1, lines.size())) {
            String[] row = line.split(",");
            long adultMs = LocalDate.of(Integer.parseInt(row[1]) + 18, 1, 1)
                .atStartOfDay(ZoneId.of("Europe/Helsinki")).toInstant().toEpochMilli();
            events.sendEventBean(new Person(Integer.parseInt(row[0]), adultMs), "Person");
        }
    }

    private static EPRuntime deploy(Path epl, List<long[]> fired) throws Exception {
        Configuration configuration = new Configuration();
        configuration.getCommon().addEventType(Person.class);
        configuration.getCommon().addEventType(Fact.class);
        configuration.getRuntime().getThreading().setInternalTimerEnabled(false);
        EPRuntime runtime = EPRuntimeProvider.getDefaultRuntime(configuration);
        var compiled = EPCompilerProvider.getCompiler()
            .compile(Files.readString(epl), new CompilerArguments(configuration));
        var deployment = runtime.getDeploymentService().deploy(compiled);
        runtime.getDeploymentService().getStatement(deployment.getDeploymentId(), "fired")
            .addListener((news, olds, statement, from) -> {
                for (var event : news) {
                    fired.add(new long[] {((Number) event.get("rule")).longValue(),
                        ((Number) event.get("client")).longValue(),
                        ((Number) event.get("ms")).longValue()});
                }
            });
        return runtime;
    }

    private static long heldBytes() {
        System.gc();
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private static long processorNs() {
        var system = (com.sun.management.OperatingSystemMXBean)
            ManagementFactory.getOperatingSystemMXBean();
        return system.getProcessCpuTime();
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        List<long[]> fired = new ArrayList<>();
        EPRuntime runtime = deploy(Path.of(arguments[1]), fired);
        EPEventService events = runtime.getEventService();
        long before = heldBytes();
        Fact[] facts = readFacts(folder.resolve("facts.csv")).toArray(new Fact[0]);
        events.advanceTime(facts[0].startMs);
        sendPeople(events, folder.resolve("people.csv"));
        long cpu = processorNs();
        long started = System.nanoTime();
        for (int i = 0; i < facts.length; i++) {
            events.advanceTime(facts[i].startMs);
            events.sendEventBean(facts[i], "Fact");
            facts[i] = null; // who still needs it holds it
        }
        double spent = (System.nanoTime() - started) / 1e9;
        double spentCpu = (processorNs() - cpu) / 1e9;
        long held = heldBytes() - before - 4L * facts.length;
        try (PrintWriter writer = new PrintWriter(folder.resolve("esper.csv").toFile())) {
            for (long[] one : fired) {
                writer.println(RULES[(int) one[0]] + "," + one[1] + "," + one[2]);
            }
        }
        System.out.printf(Locale.ROOT, "%d %.3f %.3f %d%n", facts.length, spent, spentCpu, held);
    }
}
