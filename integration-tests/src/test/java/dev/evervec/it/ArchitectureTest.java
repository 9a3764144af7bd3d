package dev.evervec.it;

import static com.tngtech.archunit.lang.SimpleConditionEvent.violated;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import dev.evervec.LLMProviders;
import dev.evervec.config.LlmConfig;
import dev.evervec.micrometer.EvervecMetrics;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.provider.gemini.GeminiProviderFactory;
import dev.evervec.provider.local.LocalProviderFactory;
import dev.evervec.provider.openai.OpenAiProviderFactory;
import dev.evervec.store.jdbc.JdbcStore;
import dev.evervec.testkit.ScriptedProvider;
import java.net.URI;
import java.net.URL;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The picture of the modules and packages, held to what was compiled. A module is known by the place that its classes were
 * loaded from, so tests and test-jars are not looked at.
 */
final class ArchitectureTest {
    /** What every module may use. {@code java.sql} and the other modules of the platform have to be asked for. */
    private static final List<String> EVERYWHERE = List.of(
            "java.io..",
            "java.lang..",
            "java.math..",
            "java.net..",
            "java.nio..",
            "java.security..",
            "java.text..",
            "java.time..",
            "java.util..",
            "org.jspecify.annotations..",
            "com.google.auto.service..");

    /** A library module: a class of it, its own packages, and whatever else it may use. */
    private enum Module {
        CORE(
                LLMProviders.class,
                List.of("dev.evervec", "dev.evervec.provider", "dev.evervec.config", "dev.evervec.resilience"),
                List.of("org.slf4j..", "org.tomlj..", "javax.net..")),
        OPENAI(
                OpenAiProviderFactory.class,
                List.of("dev.evervec.provider.openai"),
                List.of(
                        "dev.evervec.provider",
                        "org.slf4j..",
                        "com.openai..",
                        "okhttp3..",
                        "okio..",
                        "kotlin..",
                        "javax.net..",
                        "com.fasterxml.jackson.core..",
                        "com.knuddels.jtokkit..")),
        GEMINI(
                GeminiProviderFactory.class,
                List.of("dev.evervec.provider.gemini"),
                List.of(
                        "dev.evervec.provider",
                        "org.slf4j..",
                        "com.google.genai..",
                        "okhttp3..",
                        "okio..",
                        "kotlin..",
                        "javax.net..",
                        "com.fasterxml.jackson..")),
        LOCAL(LocalProviderFactory.class, List.of("dev.evervec.provider.local"), List.of("dev.evervec.provider")),
        PIPELINE(
                BuildPipeline.class,
                List.of(
                        "dev.evervec.pipeline",
                        "dev.evervec.pipeline.source",
                        "dev.evervec.pipeline.store",
                        "dev.evervec.pipeline.report",
                        "dev.evervec.pipeline.progress",
                        "dev.evervec.pipeline.live",
                        "dev.evervec.pipeline.jobs"),
                List.of(
                        "dev.evervec.provider",
                        "dev.evervec.config",
                        "dev.evervec.resilience",
                        "org.slf4j..",
                        "org.jsoup..",
                        "com.fasterxml.jackson..")),
        STORE_JDBC(
                JdbcStore.class,
                List.of("dev.evervec.store.jdbc"),
                List.of(
                        "dev.evervec.provider",
                        "dev.evervec.config",
                        "dev.evervec.resilience",
                        "dev.evervec.pipeline.source",
                        "dev.evervec.pipeline.store",
                        "dev.evervec.pipeline.report",
                        "dev.evervec.pipeline.live",
                        "org.slf4j..",
                        "java.sql..",
                        "javax.sql..")),
        MICROMETER(
                EvervecMetrics.class,
                List.of("dev.evervec.micrometer"),
                List.of(
                        "dev.evervec.provider",
                        "dev.evervec.pipeline.store",
                        "dev.evervec.pipeline.report",
                        "dev.evervec.pipeline.progress",
                        "org.slf4j..",
                        "io.micrometer.core.instrument..")),
        TESTKIT(
                ScriptedProvider.class,
                List.of("dev.evervec.testkit"),
                List.of("dev.evervec.provider", "org.junit.jupiter.api.."));

        private final Class<?> landmark;
        private final List<String> packages;
        private final List<String> uses;

        Module(Class<?> landmark, List<String> packages, List<String> uses) {
            this.landmark = landmark;
            this.packages = packages;
            this.uses = uses;
        }

        /** A folder of classes while modules are tested, a jar once they are packaged. */
        Location place() {
            URL place = landmark.getProtectionDomain().getCodeSource().getLocation();
            return Location.of(
                    place.getPath().endsWith(".jar")
                            ? URI.create("jar:" + place + "!/")
                            : URI.create(place.toString()));
        }

        String[] mayUse() {
            Set<String> all = new HashSet<>(EVERYWHERE);
            all.addAll(packages);
            all.addAll(uses);
            return all.toArray(String[]::new);
        }
    }

    private static final Map<Module, JavaClasses> MODULES = readModules();
    private static final JavaClasses ALL = new ClassFileImporter()
            .importLocations(Arrays.stream(Module.values()).map(Module::place).collect(Collectors.toSet()));

    private static Map<Module, JavaClasses> readModules() {
        Map<Module, JavaClasses> modules = new EnumMap<>(Module.class);
        for (Module module : Module.values()) {
            modules.put(module, new ClassFileImporter().importLocations(Set.of(module.place())));
        }
        return modules;
    }

    private static JavaClasses classesOf(Module module) {
        JavaClasses classes = MODULES.get(module);
        assertThat(classes).as("classes of %s", module).isNotEmpty();
        return classes;
    }

    @ParameterizedTest
    @EnumSource
    void aModuleUsesOnlyWhatThePictureAllows(Module module) {
        classes()
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(module.mayUse())
                .check(classesOf(module));
    }

    @ParameterizedTest
    @EnumSource
    void aModuleHasItsOwnPackagesAndNoOthers(Module module) {
        Set<String> packages =
                classesOf(module).stream().map(JavaClass::getPackageName).collect(Collectors.toSet());

        assertThat(packages).containsExactlyInAnyOrderElementsOf(module.packages);
    }

    @Test
    void packagesHaveNoCycles() {
        // One slice for each package: a pattern that ends with "(**)" would leave out the root.
        slices().assignedFrom(new PackageSlices()).should().beFreeOfCycles().check(ALL);
    }

    @Test
    void everyPackageIsNullMarked() {
        Set<String> unmarked = ALL.stream()
                .map(JavaClass::getPackage)
                .filter(at -> !at.getClasses().isEmpty() && !at.isAnnotatedWith(NullMarked.class))
                .map(JavaPackage::getName)
                .collect(Collectors.toCollection(TreeSet::new));

        assertThat(unmarked).isEmpty();
    }

    @Test
    void librariesNeitherPrintNorEndTheJvmNorWaitBlindly() {
        noClasses()
                .should()
                .accessField(System.class, "out")
                .orShould()
                .accessField(System.class, "err")
                .orShould()
                .callMethodWhere(calls(Throwable.class, "printStackTrace"))
                .orShould()
                .callMethodWhere(calls(System.class, "exit"))
                .orShould()
                .callMethodWhere(calls(Runtime.class, "exit", "halt", "addShutdownHook"))
                .orShould()
                .callMethodWhere(calls(Thread.class, "sleep"))
                .check(ALL);
    }

    /** One notes something there that is no setting, because nothing else is common to all class loaders of a process. */
    @Test
    void librariesReadNoSystemProperty() {
        noClasses()
                .that()
                .doNotHaveFullyQualifiedName("dev.evervec.store.jdbc.DriverCopy")
                .should()
                .callMethodWhere(calls(System.class, "getProperty", "getProperties", "setProperty", "setProperties"))
                .orShould()
                .callMethodWhere(calls(Boolean.class, "getBoolean"))
                .orShould()
                .callMethodWhere(calls(Integer.class, "getInteger"))
                .orShould()
                .callMethodWhere(calls(Long.class, "getLong"))
                .check(ALL);
    }

    @Test
    void onlyTheConfigurationReadsTheEnvironment() {
        noClasses()
                .that()
                .doNotHaveFullyQualifiedName(LlmConfig.class.getName())
                .should()
                .callMethodWhere(calls(System.class, "getenv"))
                .check(ALL);
    }

    /** The workshop stays shut: outside it, only the classes named here can be seen. */
    @Test
    void onlyFrontDoorsArePublicBesideAWorkshop() {
        Map<String, Set<String>> frontDoors = new TreeMap<>(Map.of(
                "dev.evervec", Set.of("LLMProviders"),
                "dev.evervec.pipeline",
                        Set.of(
                                "BuildPipeline",
                                "BuildRequest",
                                "BuildRun",
                                "EmbeddingGenerator",
                                "EmbeddingRewriter",
                                "Verification"),
                "dev.evervec.provider.openai", Set.of("OpenAiProviderFactory"),
                "dev.evervec.provider.gemini", Set.of("GeminiProviderFactory"),
                "dev.evervec.provider.local", Set.of("LocalProvider", "LocalProviderFactory"),
                "dev.evervec.resilience", Set.of("Resilience", "Backoff"),
                "dev.evervec.micrometer", Set.of("EvervecMetrics"),
                "dev.evervec.store.jdbc",
                        Set.of(
                                "JdbcStore",
                                "JdbcRecordSource",
                                "EmbeddingQueue",
                                "HostColumn",
                                "TriggerSpec",
                                "VectorIndex",
                                "VectorStorage")));

        Map<String, Set<String>> open = new TreeMap<>();
        ALL.stream()
                .filter(at -> frontDoors.containsKey(at.getPackageName()))
                .filter(at -> at.isTopLevelClass() && at.getModifiers().contains(JavaModifier.PUBLIC))
                .forEach(at -> open.computeIfAbsent(at.getPackageName(), name -> new TreeSet<>())
                        .add(at.getSimpleName()));

        assertThat(open).isEqualTo(frontDoors);
    }

    @Test
    void publicClassesThatAreNotMadeForExtensionAreFinal() {
        classes()
                .that()
                .arePublic()
                .and()
                .areNotInterfaces()
                .and()
                .areNotEnums()
                .and()
                .doNotHaveModifier(JavaModifier.ABSTRACT)
                .should(beFinal())
                .check(ALL);
    }

    private static ArchCondition<JavaClass> beFinal() {
        return new ArchCondition<>("be final") {
            @Override
            public void check(JavaClass at, ConditionEvents events) {
                if (!at.getModifiers().contains(JavaModifier.FINAL)) {
                    events.add(violated(at, at.getName() + " can be extended"));
                }
            }
        };
    }

    private static DescribedPredicate<JavaMethodCall> calls(Class<?> owner, String... names) {
        return DescribedPredicate.describe(
                owner.getSimpleName() + "." + String.join("|", names),
                call -> call.getTargetOwner().isAssignableTo(owner)
                        && List.of(names).contains(call.getName()));
    }

    private static final class PackageSlices implements SliceAssignment {
        @Override
        public SliceIdentifier getIdentifierOf(JavaClass at) {
            return SliceIdentifier.of(at.getPackageName());
        }

        @Override
        public String getDescription() {
            return "packages";
        }
    }
}
