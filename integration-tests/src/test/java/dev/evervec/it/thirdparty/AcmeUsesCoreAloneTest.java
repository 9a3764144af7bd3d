package dev.evervec.it.thirdparty;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import org.junit.jupiter.api.Test;

/** Shows that the provider beside it is what it claims to be. */
final class AcmeUsesCoreAloneTest {
    @Test
    void theProviderIsWrittenAgainstCoreAlone() {
        classes()
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(
                        "java..",
                        "org.jspecify..",
                        "com.google.auto.service..",
                        "dev.evervec.provider",
                        "dev.evervec.it.thirdparty")
                .check(new ClassFileImporter().importClasses(AcmeProviderFactory.class, AcmeProvider.class));
    }
}
