package audit

// runEvidence is the beginning of the name of a run among evidence.
const runEvidence = "run/"

// OfRun names the run of an entry as evidence, with the SHA-256 of the entry's line.
// An execution.outcome with the evidence of another run's execution.intent ends that
// run too, and a breakglass.review with that of a breakglass.invoked reviews it.
func OfRun(e Entry) (Evidence, error) {
	line, err := Encode(e)
	return Evidence{Name: runEvidence + e.Run, SHA256: digest(line)}, err
}
