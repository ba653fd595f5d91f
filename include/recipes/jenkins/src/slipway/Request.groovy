package slipway

import com.cloudbees.groovy.cps.NonCPS
import java.security.MessageDigest

/** What a Jenkinsfile asks for, checked before anything is sent. */
class Request implements Serializable {
    private static final long serialVersionUID = 1L
    private static final List<String> IMAGES = ['container_image', 'vm_image', 'bare_metal_image']
    private static final List<String> PIPELINES = IMAGES + ['push', 'deploy', 'rollback']
    private static final List<String> OPTIONS = [
        'pipeline', 'app', 'commit', 'ref', 'deploy', 'params', 'credentials', 'url', 'key', 'propagate',
    ]

    String pipeline
    String url
    String credentials
    String key
    boolean propagate
    boolean deploysAfter
    Map conf

    /**
     * @param options as written in the Jenkinsfile
     * @param environment AIRFLOW_URL and BUILD_TAG of the build
     */
    @NonCPS
    static Request of(Map options, Map environment) {
        String pipeline = options.pipeline ?: 'push'
        Map settled = [
            pipeline: pipeline,
            url: options.url ?: environment.AIRFLOW_URL,
            credentials: options.credentials ?: 'slipway-airflow',
            key: options.key ?: environment.BUILD_TAG,
            propagate: options.propagate != false,
            deploysAfter: options.deploy == true && IMAGES.contains(pipeline),
        ]
        String broken = brokenRule(options, settled)
        if (broken) {
            throw new SlipwayException(broken)
        }
        Request request = new Request()
        request.pipeline = pipeline
        request.url = settled.url
        request.credentials = settled.credentials
        request.key = settled.key
        request.propagate = settled.propagate
        request.deploysAfter = settled.deploysAfter
        request.conf = confOf(pipeline, options)
        return request
    }

    /** Returns the id of the run that the key stands for: a step that is tried again finds its run. */
    @NonCPS
    String runId() {
        byte[] digest = MessageDigest.getInstance('SHA-256').digest(key.getBytes('UTF-8'))
        return 'requested__' + digest.encodeHex().toString().substring(0, 32)
    }

    @NonCPS
    private static String brokenRule(Map options, Map settled) {
        List<String> unknown = options.keySet().collect { Object name -> name.toString() } - OPTIONS
        String commit = options.commit ?: ''
        if (unknown) {
            return "slipway knows no option ${unknown.join(', ')}. It has: ${OPTIONS.join(', ')}."
        }
        if (!PIPELINES.contains(settled.pipeline)) {
            return "${settled.pipeline} is no pipeline of Slipway. There are: ${PIPELINES.join(', ')}."
        }
        if (!settled.url) {
            return 'where is Airflow? Give url, or set AIRFLOW_URL in the environment.'
        }
        if (!((options.app ?: '') ==~ '[A-Za-z0-9][A-Za-z0-9._-]{0,99}/[A-Za-z0-9_.-]{1,100}')) {
            return "app '${options.app}' is not OWNER/NAME, as apps.yaml has it."
        }
        if (commit && !(commit ==~ '[0-9a-f]{40}([0-9a-f]{24})?')) {
            return "commit '${commit}' is not a full commit id: give its 40 digits (env.GIT_COMMIT)."
        }
        if (settled.pipeline != 'rollback' && !commit && !options.ref) {
            return "${settled.pipeline} of what? Give commit, or ref for a ref's newest commit."
        }
        return ''
    }

    @NonCPS
    private static Map confOf(String pipeline, Map options) {
        // A text with ${...} in it is no String, and equals none.
        Map<String, Object> told = [:]
        told.repository = options.app.toString()
        String ref = options.ref ?: ''
        if (ref && pipeline != 'rollback') {
            told.ref = ref.startsWith('refs/') ? ref : 'refs/heads/' + ref
        }
        if (options.commit) {
            told.commit = options.commit.toString()
        }
        if (pipeline == 'push') {
            told.deploy = options.deploy != false
        }
        ((Map) options.params ?: [:]).each { Object name, Object value ->
            told[name.toString()] = value instanceof GString ? value.toString() : value
        }
        return told
    }
}
