// Checks a shared library: src/ compiles with static types, its methods run as plain Groovy, and what is kept of a
// pipeline that waits can be written to disk; vars/ and the Jenkinsfile compile.
//
//     groovy -cp lab/jenkinsfile lab/jenkinsfile/lint.groovy LIBRARY [JENKINSFILE]
import groovy.transform.TypeChecked
import java.lang.reflect.Modifier
import org.codehaus.groovy.ast.ClassNode
import org.codehaus.groovy.classgen.GeneratorContext
import org.codehaus.groovy.control.CompilationFailedException
import org.codehaus.groovy.control.CompilePhase
import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.SourceUnit
import org.codehaus.groovy.control.customizers.ASTTransformationCustomizer
import org.codehaus.groovy.control.customizers.CompilationCustomizer

class PlainMethods extends CompilationCustomizer {
    final Set<String> found = [] as Set

    PlainMethods() { super(CompilePhase.CONVERSION) }

    void call(SourceUnit source, GeneratorContext context, ClassNode type) {
        type.methods.findAll { !it.annotations.any { it.classNode.nameWithoutPackage == 'NonCPS' } }.each {
            found << "${source.name}:${it.lineNumber}: ${it.name} is not @NonCPS, and is called from methods that are"
        }
    }
}

def library = new File(args[0])
def found = []
def loaderOf = { CompilationCustomizer... customizers ->
    def configuration = new CompilerConfiguration()
    configuration.addCompilationCustomizers(customizers)
    def loader = new GroovyClassLoader(getClass().classLoader, configuration)
    loader.addClasspath(new File(library, 'src').path)
    loader
}
def compile = { GroovyClassLoader loader, File file ->
    try {
        return loader.parseClass(file)
    } catch (CompilationFailedException failure) {
        found << failure.message
    }
}
def isKept = { field -> !field.synthetic && !Modifier.isStatic(field.modifiers) && !Modifier.isTransient(field.modifiers) }
def isWritten = { type -> type.primitive || [Serializable, Map, List].any { kind -> kind.isAssignableFrom(type) } }

def plain = new PlainMethods()
def checked = loaderOf(new ASTTransformationCustomizer(TypeChecked), plain)
new File(library, 'src').eachFileRecurse { file ->
    def type = file.name.endsWith('.groovy') ? compile(checked, file) : null
    if (type instanceof Class && Serializable.isAssignableFrom(type)) {
        type.declaredFields.findAll { isKept(it) && !isWritten(it.type) }.each {
            found << "$file: ${it.name} cannot be written to disk"
        }
    }
}
def scripts = loaderOf()
new File(library, 'vars').eachFileMatch(~/.*\.groovy/) { compile(scripts, it) }
args.drop(1).each { compile(scripts, new File(it)) }

(plain.found + found).each { System.err.println it }
System.exit(plain.found || found ? 1 : 0)
