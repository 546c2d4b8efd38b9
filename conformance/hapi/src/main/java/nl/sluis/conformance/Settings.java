package nl.sluis.conformance;

import java.lang.management.ManagementFactory;
import java.util.Set;

/** The system properties of README.md. An unknown property or value is refused. */
record Settings(int port, boolean r4, boolean anyIds, boolean integrityOnDelete, boolean integrityOnWrite,
        boolean endsWithStandardInput, String base, boolean forwarded) {
    /** The last two are read by logback and by HAPI. */
    private static final Set<String> PROPERTIES = Set.of("port", "fhir.version", "ids", "integrity",
            "integrity.write", "stdin", "base", "forwarded", "log.level", "scheduling_disabled");

    static Settings read() {
        refuseUnknown();
        return new Settings(
                Integer.parseInt(System.getProperty("port", "8080")),
                choice("fhir.version", "r4", "dstu3").equals("r4"),
                choice("ids", "alphanumeric", "any").equals("any"),
                choice("integrity", "true", "false").equals("true"),
                choice("integrity.write", "true", "false").equals("true"),
                choice("stdin", "false", "true").equals("true"),
                System.getProperty("base"),
                choice("forwarded", "false", "true").equals("true"));
    }

    private static void refuseUnknown() {
        for (String argument : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            String name = argument.replaceFirst("=.*", "").replaceFirst("^-D", "");
            if (argument.startsWith("-D") && !name.startsWith("java.") && !PROPERTIES.contains(name)) {
                throw new IllegalArgumentException("unknown property: " + name);
            }
        }
    }

    /** Returns the property's value, which must be one of two; the first is the default. */
    private static String choice(String name, String first, String second) {
        String value = System.getProperty(name, first);
        if (!value.equals(first) && !value.equals(second)) {
            throw new IllegalArgumentException(name + " must be " + first + " or " + second + ", not " + value);
        }
        return value;
    }
}
