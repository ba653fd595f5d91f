package slipway

/** Airflow does not answer now; retrying later may help. */
class AwayException extends SlipwayException {
    private static final long serialVersionUID = 1L

    AwayException(String message) {
        super(message)
    }
}
