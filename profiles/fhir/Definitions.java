import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.model.api.annotation.Compartment;
import ca.uhn.fhir.model.api.annotation.SearchParamDefinition;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.ElementDefinition;
import org.hl7.fhir.r4.model.StructureDefinition;
import org.hl7.fhir.r4.model.StructureDefinition.StructureDefinitionKind;
import org.hl7.fhir.r4.model.StructureDefinition.TypeDerivationRule;

/**
 * Writes what elements the types of FHIR R4 have, which of them put a resource into a patient's compartment, and which are
 * looked at by search parameters.
 */
public final class Definitions {
  private Definitions() {}

  /** Elements of CompartmentDefinition/patient (4.0.1) that the annotations of HAPI leave out. */
  private static final Map<String, String> LEFT_OUT = Map.of("AllergyIntolerance", "asserter", "Condition", "asserter");

  public static void main(String[] arguments) throws IOException {
    FhirContext context = FhirContext.forR4();
    Map<String, List<String>> types = new TreeMap<>();
    Map<String, TreeSet<String>> compartment = new TreeMap<>();
    List<String> parameters = new ArrayList<>();
    List<IBaseResource> structures = new DefaultProfileValidationSupport(context).fetchAllStructureDefinitions();
    for (IBaseResource resource : structures) {
      StructureDefinition definition = (StructureDefinition) resource;
      boolean isComplex = definition.getKind() == StructureDefinitionKind.RESOURCE
          || definition.getKind() == StructureDefinitionKind.COMPLEXTYPE;
      // A constraint on a type is a profile, not a type.
      if (!isComplex || definition.getDerivation() == TypeDerivationRule.CONSTRAINT
          || !definition.getUrl().equals("http://hl7.org/fhir/StructureDefinition/" + definition.getType())) {
        continue;
      }
      for (ElementDefinition element : definition.getSnapshot().getElement()) {
        describe(element, types);
      }
      if (definition.getKind() == StructureDefinitionKind.RESOURCE && !definition.getAbstract()) {
        Class<?> type = context.getResourceDefinition(definition.getType()).getImplementingClass();
        TreeSet<String> paths = compartmentOf(definition.getType(), type);
        if (LEFT_OUT.containsKey(definition.getType())) {
          paths.add(LEFT_OUT.get(definition.getType()));
        }
        if (!paths.isEmpty()) {
          compartment.put(definition.getType(), paths);
        }
        parameters.addAll(parametersOf(definition.getType(), type));
      }
    }
    StringBuilder out = new StringBuilder();
    out.append("# FHIR R4 (4.0.1), from its StructureDefinitions and SearchParameters. Made by `generate`; do not edit.\n");
    out.append("#\n");
    out.append("# = TYPE, and its elements: name as it stands in JSON, least and most, type. What is a type of its own inside\n");
    out.append("# another has a dot in its name. Behind the type: s for an element of a summary, m for one that modifies, - for\n");
    out.append("# neither; then what a choice of types is called without its type. @ TYPE PATH…: elements that put a resource into\n");
    out.append("# a patient's compartment. ? TYPE NAME KIND PATH…: a search parameter and the elements it looks at; a path may name a\n");
    out.append("# choice without its type. Those whose elements are no plain paths are left out.\n");
    for (Map.Entry<String, List<String>> type : types.entrySet()) {
      out.append("= ").append(type.getKey()).append('\n');
      type.getValue().forEach(line -> out.append(line).append('\n'));
    }
    for (Map.Entry<String, TreeSet<String>> type : compartment.entrySet()) {
      out.append("@ ").append(type.getKey()).append(' ').append(String.join(" ", type.getValue())).append('\n');
    }
    parameters.stream().sorted().forEach(line -> out.append("? ").append(line).append('\n'));
    Files.writeString(Path.of(arguments[0]), out);
  }

  private static void describe(ElementDefinition element, Map<String, List<String>> types) {
    String path = element.getPath();
    int dot = path.lastIndexOf('.');
    if (dot < 0 || element.getMax().equals("0")) {
      return;
    }
    String owner = path.substring(0, dot);
    String name = path.substring(dot + 1);
    List<String> lines = types.computeIfAbsent(owner, unused -> new ArrayList<>());
    String cardinality = " " + element.getMin() + " " + (element.getMax().equals("1") ? "1" : "*") + " ";
    if (element.hasContentReference()) {
      lines.add(name + cardinality + element.getContentReference().replaceFirst("^.*#", "") + " " + flags(element));
      return;
    }
    List<String> codes = element.getType().stream().map(Definitions::code).distinct().collect(Collectors.toList());
    if (name.endsWith("[x]")) {
      String stem = name.substring(0, name.length() - 3);
      for (String code : codes) {
        lines.add(stem + Character.toUpperCase(code.charAt(0)) + code.substring(1) + cardinality + code + " "
            + flags(element) + " " + stem);
      }
      return;
    }
    String code = codes.isEmpty() ? "Element" : codes.get(0);
    lines.add(name + cardinality + (code.equals("BackboneElement") || code.equals("Element") ? path : code) + " "
        + flags(element));
  }

  private static String flags(ElementDefinition element) {
    String flags = (element.getIsSummary() ? "s" : "") + (element.getIsModifier() ? "m" : "");
    return flags.isEmpty() ? "-" : flags;
  }

  /** Search parameters whose elements are plain paths. */
  private static List<String> parametersOf(String name, Class<?> type) {
    List<String> lines = new ArrayList<>();
    for (Field field : type.getFields()) {
      SearchParamDefinition parameter = field.getAnnotation(SearchParamDefinition.class);
      if (parameter == null || !List.of("token", "date", "reference").contains(parameter.type())) {
        continue;
      }
      TreeSet<String> paths = new TreeSet<>();
      for (String alternative : parameter.path().split("\\|")) {
        String path = alternative.trim().replaceAll("\\.where\\(.*\\)", "").replaceAll("[()]", "")
            .replaceFirst("(\\.as| as )", " ").trim();
        if (!path.startsWith(name + ".")) {
          continue;
        }
        String[] words = path.substring(name.length() + 1).split(" +");
        String kind = words.length > 1 ? Character.toUpperCase(words[1].charAt(0)) + words[1].substring(1) : "";
        paths.add(words[0] + kind);
      }
      boolean plain = !paths.isEmpty() && paths.stream().allMatch(path -> path.matches("[A-Za-z0-9.]+"));
      if (plain) {
        lines.add(name + " " + parameter.name() + " " + parameter.type() + " " + String.join(" ", paths));
      }
    }
    return lines;
  }

  /** Primitive types of FHIRPath stand for those of FHIR in the definitions of `id` and the like. */
  private static String code(ElementDefinition.TypeRefComponent type) {
    String code = type.getCode();
    return code.startsWith("http://hl7.org/fhirpath/") ? "string" : code;
  }

  private static TreeSet<String> compartmentOf(String name, Class<?> type) {
    TreeSet<String> paths = new TreeSet<>();
    for (Field field : type.getFields()) {
      SearchParamDefinition parameter = field.getAnnotation(SearchParamDefinition.class);
      if (parameter == null) {
        continue;
      }
      for (Compartment compartment : parameter.providesMembershipIn()) {
        if (!compartment.name().toLowerCase().endsWith("patient")) {
          continue;
        }
        for (String path : parameter.path().split("\\|")) {
          String plain = path.trim().replaceAll("\\.where\\(.*\\)", "").replaceAll("[()]", "").replaceAll(" as .*", "")
              .replaceAll("\\.as.*", "");
          if (plain.startsWith(name + ".")) {
            paths.add(plain.substring(name.length() + 1));
          }
        }
      }
    }
    return paths;
  }
}
