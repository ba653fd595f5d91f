package slipway

/** The step cannot go on; the text is the rule that was broken, and the cure. */
class SlipwayException extends RuntimeException {
    private static final long serialVersionUID = 1L

    SlipwayException(String message) {
        super(message)
    }
}
