// Runs a Jenkinsfile with a shared library's step, as a Jenkins would, without one: its steps are bound to what they
// mean on a command line. Not shown by it: Jenkins' own transformation of the code, and its sandbox.
//
//     groovy -cp lab/jenkinsfile lab/jenkinsfile/replay.groovy LIBRARY JENKINSFILE
//
// The environment of the build is this process's; REPLAY_PARAMETERS has its parameters as JSON, and
// REPLAY_USER and REPLAY_PASSWORD the credential. Exit code 1: the build failed.
import groovy.json.JsonSlurperClassic
import java.util.concurrent.TimeUnit

def (library, jenkinsfile) = [new File(args[0]), new File(args[1])]
def variables = new LinkedHashMap(System.getenv())
def credential = [variables.remove('REPLAY_USER'), variables.remove('REPLAY_PASSWORD')]
def loader = new GroovyClassLoader(getClass().classLoader)
loader.addClasspath(new File(library, 'src').path)

class BuildFailed extends RuntimeException {
    BuildFailed(String message) { super(message) }
}

def inside = { Closure body -> body() }
def described = { Object[] ignored -> }
def steps = [
    env: variables,
    params: new JsonSlurperClassic().parseText(variables.remove('REPLAY_PARAMETERS') ?: '{}'),
    echo: { Object text -> println text; System.out.flush() },
    error: { String text -> throw new BuildFailed(text) },
    sleep: { Map how -> TimeUnit.valueOf(how.unit).sleep(how.time as long) },
    usernamePassword: { Map names -> names },
    withCredentials: { List wanted, Closure body ->
        def names = wanted.collectMany { [it.usernameVariable, it.passwordVariable] }
        [names, credential].transpose().each { name, value -> variables[name] = value }
        try { body() } finally { names.each { variables.remove(it) } }
    },
    none: 'none',
    any: 'any',
    agent: described,
    parameters: described,
    options: described,
    pipeline: inside,
    stages: inside,
    steps: inside,
    script: inside,
    stage: { String name, Closure body -> println "[stage] $name"; body() },
]

def load = { File file ->
    def script = (Script) loader.parseClass(file).newInstance()
    script.binding = new Binding(steps)
    script
}
new File(library, 'vars').eachFileMatch(~/.*\.groovy/) { File file ->
    def step = load(file)
    steps[file.name - '.groovy'] = { Map options -> step.call(options) }
}
try {
    load(jenkinsfile).run()
    println 'Finished: SUCCESS'
} catch (BuildFailed failure) {
    println "ERROR: ${failure.message}\nFinished: FAILURE"
    System.exit(1)
}
