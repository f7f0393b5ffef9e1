package audit

// How documents are written that are read by the thousand: the members of each Go
// type, as the tags of its fields say it too. TestReadersAgree holds the two
// together.

var statementMembers = formOf(
	text("_type", func(x *statement) *string { return &x.StatementType }),
	record("predicate", func(x *statement) *predicate { return &x.Predicate }, predicateMembers.read),
	text("predicateType", func(x *statement) *string { return &x.PredicateType }),
	list("subject", func(x *statement) *[]subject { return &x.Subject }, subjectMembers.read),
)

var subjectMembers = formOf(
	table("digest", func(x *subject) *map[string]string { return &x.Digest }),
	text("name", func(x *subject) *string { return &x.Name }),
)

var predicateMembers = formOf(
	number("entries", func(x *predicate) *int64 { return &x.Entries }),
	text("log", func(x *predicate) *string { return &x.Log }),
	text("segment", func(x *predicate) *string { return &x.Segment }),
)

var envelopeMembers = formOf(
	text("payload", func(x *envelope) *string { return &x.Payload }),
	text("payloadType", func(x *envelope) *string { return &x.PayloadType }),
	list("signatures", func(x *envelope) *[]signature { return &x.Signatures }, signatureMembers.read),
)

var signatureMembers = formOf(
	text("keyid", func(x *signature) *string { return &x.KeyID }),
	text("sig", func(x *signature) *string { return &x.Sig }),
)

var sealMembers = formOf(
	number("from", func(x *Seal) *int64 { return &x.From }),
	list("segments", func(x *Seal) *[]SealedSegment { return &x.Segments }, sealedSegmentMembers.read),
	number("to", func(x *Seal) *int64 { return &x.To }),
	number("v", func(x *Seal) *int { return &x.V }),
)

var sealedSegmentMembers = formOf(
	number("leaves", func(x *SealedSegment) *int64 { return &x.Leaves }),
	text("path", func(x *SealedSegment) *string { return &x.Path }),
	text("sha256", func(x *SealedSegment) *string { return &x.SHA256 }),
	text("sidecar", func(x *SealedSegment) *string { return &x.Sidecar }),
	text("sidecarSha256", func(x *SealedSegment) *string { return &x.SidecarSHA256 }),
)

var entryMembers = formOf(
	text("action", func(x *Entry) *string { return &x.Action }).omitted(),
	maybe("actor", func(x *Entry) **Actor { return &x.Actor }, actorMembers.read),
	maybe("breakGlass", func(x *Entry) **BreakGlass { return &x.BreakGlass }, breakGlassMembers.read),
	maybe("change", func(x *Entry) **Change { return &x.Change }, changeMembers.read),
	moment("createdAt", func(x *Entry) *Time { return &x.CreatedAt }).omitted(),
	text("environment", func(x *Entry) *string { return &x.Environment }).omitted(),
	list("evidence", func(x *Entry) *[]Evidence { return &x.Evidence }, evidenceMembers.read).omitted(),
	list("frontier", func(x *Entry) *[]string { return &x.Frontier }, readText[string]).omitted(),
	text("log", func(x *Entry) *string { return &x.Log }),
	text("nonce", func(x *Entry) *string { return &x.Nonce }).omitted(),
	text("outcome", func(x *Entry) *Outcome { return &x.Outcome }).omitted(),
	maybe("plan", func(x *Entry) **Plan { return &x.Plan }, planMembers.read),
	maybe("policy", func(x *Entry) **Policy { return &x.Policy }, policyMembers.read),
	text("prevPart", func(x *Entry) *string { return &x.PrevPart }).omitted(),
	list("reasons", func(x *Entry) *[]string { return &x.Reasons }, readText[string]).omitted(),
	table("redacted", func(x *Entry) *map[string]string { return &x.Redacted }).omitted(),
	maybe("replication", func(x *Entry) **Replication { return &x.Replication }, replicationMembers.read),
	maybe("request", func(x *Entry) **Request { return &x.Request }, requestMembers.read),
	maybe("resolution", func(x *Entry) **Resolution { return &x.Resolution }, resolutionMembers.read),
	text("run", func(x *Entry) *string { return &x.Run }),
	maybe("seen", func(x *Entry) **TreeHead { return &x.Seen }, treeHeadMembers.read),
	text("segment", func(x *Entry) *string { return &x.Segment }),
	number("seq", func(x *Entry) *int64 { return &x.Seq }),
	maybe("signer", func(x *Entry) **SignerID { return &x.Signer }, signerIDMembers.read),
	maybe("step", func(x *Entry) **Step { return &x.Step }, stepMembers.read),
	text("system", func(x *Entry) *string { return &x.System }).omitted(),
	moment("time", func(x *Entry) *Time { return &x.Time }),
	text("tool", func(x *Entry) *string { return &x.Tool }).omitted(),
	maybe("trust", func(x *Entry) **TrustRef { return &x.Trust }, trustRefMembers.read),
	text("trustSha256", func(x *Entry) *string { return &x.TrustSHA256 }).omitted(),
	text("type", func(x *Entry) *Type { return &x.Type }),
	number("v", func(x *Entry) *int { return &x.V }),
	maybe("verdict", func(x *Entry) **Verdict { return &x.Verdict }, verdictMembers.read),
)

var verdictMembers = formOf(
	text("commit", func(x *Verdict) *string { return &x.Commit }).omitted(),
	text("kind", func(x *Verdict) *string { return &x.Kind }),
	list("members", func(x *Verdict) *[]Member { return &x.Members }, memberMembers.read).omitted(),
	moment("observedAt", func(x *Verdict) *Time { return &x.ObservedAt }).omitted(),
	text("status", func(x *Verdict) *string { return &x.Status }),
	number("tier", func(x *Verdict) *int64 { return &x.Tier }).omitted(),
	moment("validUntil", func(x *Verdict) *Time { return &x.ValidUntil }).omitted(),
)

var memberMembers = formOf(
	text("name", func(x *Member) *string { return &x.Name }),
	list("reasons", func(x *Member) *[]string { return &x.Reasons }, readText[string]).omitted(),
	text("status", func(x *Member) *string { return &x.Status }),
)

var trustRefMembers = formOf(
	text("sha256", func(x *TrustRef) *string { return &x.SHA256 }),
	number("version", func(x *TrustRef) *int64 { return &x.Version }),
)

var stepMembers = formOf(
	number("attempts", func(x *Step) *int64 { return &x.Attempts }).omitted(),
	text("code", func(x *Step) *string { return &x.Code }).omitted(),
	moment("endedAt", func(x *Step) *Time { return &x.EndedAt }).omitted(),
	number("index", func(x *Step) *int64 { return &x.Index }),
	truth("mutating", func(x *Step) *bool { return &x.Mutating }),
	text("name", func(x *Step) *string { return &x.Name }),
	text("outputDigest", func(x *Step) *string { return &x.OutputDigest }).omitted(),
	moment("startedAt", func(x *Step) *Time { return &x.StartedAt }).omitted(),
	text("status", func(x *Step) *string { return &x.Status }),
)

var resolutionMembers = formOf(
	text("by", func(x *Resolution) *string { return &x.By }),
	text("reason", func(x *Resolution) *string { return &x.Reason }),
	text("signature", func(x *Resolution) *string { return &x.Signature }),
	text("statement", func(x *Resolution) *string { return &x.Statement }),
)

var signerIDMembers = formOf(
	text("backend", func(x *SignerID) *string { return &x.Backend }),
	text("keyId", func(x *SignerID) *string { return &x.KeyID }),
)

var treeHeadMembers = formOf(
	text("root", func(x *TreeHead) *string { return &x.Root }),
	number("size", func(x *TreeHead) *int64 { return &x.Size }),
)

var requestMembers = formOf(
	text("baseSha", func(x *Request) *string { return &x.BaseSHA }).omitted(),
	text("by", func(x *Request) *string { return &x.By }).omitted(),
	text("digest", func(x *Request) *string { return &x.Digest }),
	text("headSha", func(x *Request) *string { return &x.HeadSHA }).omitted(),
	table("params", func(x *Request) *map[string]string { return &x.Params }).omitted(),
	number("pr", func(x *Request) *int64 { return &x.PR }).omitted(),
	text("reason", func(x *Request) *string { return &x.Reason }).omitted(),
	text("url", func(x *Request) *string { return &x.URL }).omitted(),
)

var replicationMembers = formOf(
	list("after", func(x *Replication) *[]Marker { return &x.After }, markerMembers.read).omitted(),
	list("before", func(x *Replication) *[]Marker { return &x.Before }, markerMembers.read).omitted(),
)

var markerMembers = formOf(
	text("kind", func(x *Marker) *string { return &x.Kind }),
	maybeNumber("lagMs", func(x *Marker) **int64 { return &x.LagMS }),
	text("node", func(x *Marker) *string { return &x.Node }),
	moment("observedAt", func(x *Marker) *Time { return &x.ObservedAt }),
	text("position", func(x *Marker) *string { return &x.Position }),
	text("role", func(x *Marker) *string { return &x.Role }),
	text("system", func(x *Marker) *string { return &x.System }),
)

var policyMembers = formOf(
	list("approvals", func(x *Policy) *[]Approval { return &x.Approvals }, approvalMembers.read),
	text("digest", func(x *Policy) *string { return &x.Digest }),
	list("exceptions", func(x *Policy) *[]string { return &x.Exceptions }, readText[string]).omitted(),
	list("required", func(x *Policy) *[]string { return &x.Required }, readText[string]),
	text("rule", func(x *Policy) *string { return &x.Rule }),
	truth("satisfied", func(x *Policy) *bool { return &x.Satisfied }),
	text("version", func(x *Policy) *string { return &x.Version }).omitted(),
)

var approvalMembers = formOf(
	moment("at", func(x *Approval) *Time { return &x.At }),
	text("commitSha", func(x *Approval) *string { return &x.CommitSHA }),
	text("id", func(x *Approval) *string { return &x.ID }),
	text("login", func(x *Approval) *string { return &x.Login }).omitted(),
	text("reviewId", func(x *Approval) *string { return &x.ReviewID }).omitted(),
	text("role", func(x *Approval) *string { return &x.Role }).omitted(),
	text("state", func(x *Approval) *string { return &x.State }),
)

var planMembers = formOf(
	text("digest", func(x *Plan) *string { return &x.Digest }),
	list("steps", func(x *Plan) *[]string { return &x.Steps }, readText[string]),
)

var evidenceMembers = formOf(
	text("mediaType", func(x *Evidence) *string { return &x.MediaType }).omitted(),
	text("name", func(x *Evidence) *string { return &x.Name }),
	text("sha256", func(x *Evidence) *string { return &x.SHA256 }),
	text("uri", func(x *Evidence) *string { return &x.URI }).omitted(),
)

var changeMembers = formOf(
	list("authors", func(x *Change) *[]string { return &x.Authors }, readText[string]),
	number("commits", func(x *Change) *int64 { return &x.Commits }),
	list("files", func(x *Change) *[]string { return &x.Files }, readText[string]),
	text("from", func(x *Change) *string { return &x.From }),
	number("omitted", func(x *Change) *int64 { return &x.Omitted }).omitted(),
	text("to", func(x *Change) *string { return &x.To }),
)

var breakGlassMembers = formOf(
	text("by", func(x *BreakGlass) *string { return &x.By }),
	text("code", func(x *BreakGlass) *string { return &x.Code }),
	moment("expires", func(x *BreakGlass) *Time { return &x.Expires }),
	text("reason", func(x *BreakGlass) *string { return &x.Reason }),
	moment("reviewDue", func(x *BreakGlass) *Time { return &x.ReviewDue }),
)

var actorMembers = formOf(
	text("environment", func(x *Actor) *string { return &x.Environment }).omitted(),
	text("event", func(x *Actor) *string { return &x.Event }).omitted(),
	text("id", func(x *Actor) *string { return &x.ID }),
	text("issuer", func(x *Actor) *string { return &x.Issuer }).omitted(),
	text("kind", func(x *Actor) *string { return &x.Kind }),
	text("login", func(x *Actor) *string { return &x.Login }).omitted(),
	text("ref", func(x *Actor) *string { return &x.Ref }).omitted(),
	text("repositoryId", func(x *Actor) *string { return &x.RepositoryID }).omitted(),
	text("runAttempt", func(x *Actor) *string { return &x.RunAttempt }).omitted(),
	text("runId", func(x *Actor) *string { return &x.RunID }).omitted(),
	text("runner", func(x *Actor) *string { return &x.Runner }).omitted(),
	text("sha", func(x *Actor) *string { return &x.SHA }).omitted(),
	text("subject", func(x *Actor) *string { return &x.Subject }).omitted(),
	text("workflowRef", func(x *Actor) *string { return &x.WorkflowRef }).omitted(),
	text("workflowSha", func(x *Actor) *string { return &x.WorkflowSHA }).omitted(),
)
