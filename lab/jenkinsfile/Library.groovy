/** Jenkins' mark for the shared libraries of a Jenkinsfile. */
@interface Library {
    String[] value()
}
