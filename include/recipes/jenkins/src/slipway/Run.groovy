package slipway

import com.cloudbees.groovy.cps.NonCPS

/** One run of a DAG, with those that it starts: what has changed since the last look, and what came of it. */
class Run implements Serializable {
    private static final long serialVersionUID = 1L
    private static final long AWAY_MILLIS = 300000L
    private static final int LOG_LINES = 25
    private static final List<String> ENDED = ['success', 'failed']
    private static final List<String> QUIET = [null, 'scheduled', 'queued']
    private static final Map<String, String> ASSETS = [
        container_image: 'slipway_container_image', vm_image: 'slipway_vm_image',
        bare_metal_image: 'slipway_bare_metal_image', deploy: 'slipway_deployment',
    ]

    final Airflow airflow
    final String dagId
    final String runId
    String state = 'queued'
    final List<String> failed = []
    private final Map<String, String> seen = [:]
    private Map push
    private long answered = System.currentTimeMillis()

    Run(Airflow airflow, String dagId, String runId) {
        this.airflow = airflow
        this.dagId = dagId
        this.runId = runId
    }

    /** Starts it, or finds it where this key started it before; returns what to say. */
    @NonCPS
    String start(Login login, Map conf, String note) {
        Map found = airflow.get(login, path(dagId, runId))
        boolean fresh = found == null
        if (fresh) {
            Map dag = airflow.get(login, "/dags/${dagId}".toString())
            if (dag == null || dag.is_paused) {
                String why = dag == null ? 'not there' : 'paused'
                throw new SlipwayException("${dagId} is ${why} in Airflow: its runs would wait. Cure that first.")
            }
            Map body = [dag_run_id: runId, logical_date: null, conf: conf, note: note]
            found = airflow.start(login, dagId, body) ?: airflow.get(login, path(dagId, runId))
        }
        if (found.conf != conf) {
            throw new SlipwayException("this key was used before, for other input (${found.conf}): give another one.")
        }
        return "${dagId} ${fresh ? 'started' : 'already started with this key'}: ${page()}".toString()
    }

    @NonCPS
    boolean hasEnded() {
        return ENDED.contains(state)
    }

    @NonCPS
    String page() {
        return "${airflow.url}/dags/${dagId}/runs/${runId}".toString()
    }

    /** Returns a line for each state that is another one than before, with the logs of tasks that failed. */
    @NonCPS
    List<String> look(Login login) {
        List<String> lines = []
        try {
            Map own = airflow.get(login, path(dagId, runId))
            if (own == null) {
                throw new SlipwayException("${page()} is not there any more: was it deleted?")
            }
            for (Map run in [own] + started(login)) {
                lines += changes(login, run)
            }
            state = own.state
            answered = System.currentTimeMillis()
        } catch (AwayException away) {
            if (System.currentTimeMillis() - answered > AWAY_MILLIS) {
                throw away
            }
        }
        return lines
    }

    /** Returns digests by platform, and what was deployed. */
    @NonCPS
    Map results(Login login) {
        Map images = [:]
        List deployments = []
        Map own = airflow.get(login, path(dagId, runId))
        for (Map run in [own] + started(login)) {
            for (Map extra in handedOn(login, run)) {
                if (run.dag_id == 'deploy') {
                    deployments << [platform: extra.platform, environment: extra.environment, where: extra.where,
                                    url: extra.url, digest: ((Map) extra.image).digest]
                } else {
                    images[extra.platform] = image((Map) extra.image, extra)
                }
            }
        }
        return [images: images, deployments: deployments]
    }

    /** Returns a line for each image. */
    @NonCPS
    static List<String> summary(Map images) {
        return images.collect { Object platform, Object image ->
            "${platform}: ${image == null ? 'nothing declared' : ((Map) image).digest}".toString()
        }
    }

    @NonCPS
    private static Map image(Map image, Map built) {
        return image == null ? null : [digest: image.digest, reference: image.reference, glance: image.glance,
                                       commit: ((Map) built.push).commit, ref: ((Map) built.push).ref]
    }

    @NonCPS
    private List<Map> handedOn(Login login, Map run) {
        // The look at a push's commit hands on the images that need no build.
        Collection<String> assets = run.dag_id == 'push' ? ASSETS.values() : [ASSETS[(String) run.dag_id]]
        if (assets.contains(null)) {
            return []
        }
        String query = "source_dag_id=${run.dag_id}&source_run_id=${encoded((String) run.dag_run_id)}" +
            '&order_by=timestamp&limit=100'
        List<Map> events = (List<Map>) airflow.get(login, "/assets/events?${query}".toString()).asset_events
        return events.findAll { Map event -> assets.contains(event.name) }.collect { Map event -> (Map) event.extra }
    }

    /** Returns the runs that this one started, as far as there are any. */
    @NonCPS
    private List<Map> started(Login login) {
        if (dagId == 'push') {
            return ofPush(login)
        }
        List<Map> found = []
        Map deploy = dagId == 'rollback' ? airflow.get(login, path('deploy', 'rollback__' + runId)) : null
        if (deploy != null) {
            found << deploy
        }
        return found
    }

    @NonCPS
    private List<Map> ofPush(Login login) {
        List<Map> found = []
        if (push == null) {
            String xcom = '/taskInstances/look/xcomEntries/return_value?stringify=false'
            push = (Map) airflow.get(login, path(dagId, runId) + xcom)?.value
        }
        if (push == null) {
            return found
        }
        for (String dag in ['push'] + ASSETS.keySet()) {
            Map run = airflow.get(login, path(dag, (String) push.id))
            if (run != null) {
                found << run
            }
        }
        return found
    }

    @NonCPS
    private List<String> changes(Login login, Map run) {
        List<String> lines = []
        String title = titleOf(run)
        String at = path((String) run.dag_id, (String) run.dag_run_id)
        if (moved(title, (String) run.state)) {
            lines << line(title, run)
        }
        List<Map> tasks = (List<Map>) airflow.get(login, at + '/taskInstances?limit=100').task_instances
        for (Map task in tasks) {
            String name = "${title} / ${task.task_id}".toString()
            if (!QUIET.contains(task.state) && moved(name, (String) task.state)) {
                lines << line(name, task)
                if (task.state == 'failed') {
                    failed << name
                    lines += log(login, "${at}/taskInstances/${task.task_id}/logs/${task.try_number}".toString())
                }
            }
        }
        return lines
    }

    /** Names a run; the push's own run of `push` is another one than the run that asks for it. */
    @NonCPS
    private String titleOf(Map run) {
        if (run.dag_id != 'push' || run.dag_run_id == runId) {
            return run.dag_id
        }
        return 'push of ' + ((String) ((Map) push.push).commit).take(12)
    }

    @NonCPS
    private boolean moved(String name, String now) {
        return seen.put(name, now) != now
    }

    @NonCPS
    private static String line(String name, Map timed) {
        Object seconds = timed.duration
        String took = seconds == null ? '' : String.format(Locale.ROOT, ' %.1f s', seconds as double)
        return name.padRight(36) + ' ' + ((String) timed.state).replace('_', ' ') + took
    }

    /** Returns a log's last lines: messages, and the exceptions that ended it. */
    @NonCPS
    private List<String> log(Login login, String path) {
        List<String> lines = []
        for (Object entry in (List) airflow.get(login, path + '?full_content=true').content) {
            Map message = entry instanceof Map ? (Map) entry : [event: entry.toString()]
            lines << (String) message.event
            for (Map error in (List<Map>) (message.error_detail ?: [])) {
                lines << "${error.exc_type}: ${error.exc_value}".toString()
            }
        }
        List<String> told = lines.findAll { String one -> one && !one.startsWith('::') }
        return told.takeRight(LOG_LINES).collect { String one -> '    ' + one }
    }

    @NonCPS
    private static String path(String dag, String run) {
        return "/dags/${dag}/dagRuns/${encoded(run)}".toString()
    }

    @NonCPS
    private static String encoded(String text) {
        return URLEncoder.encode(text, 'UTF-8').replace('+', '%20')
    }
}
