package slipway

/** Who asks. Made from a credential for each look, and kept nowhere. */
class Login {
    final String user
    final String password

    Login(String user, String password) {
        this.user = user
        this.password = password
    }
}
