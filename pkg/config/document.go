package config

import (
	"reflect"

	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/rules"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// APIVersion is the apiVersion of every document this version reads.
const APIVersion = "bcctl/v1"

// Kind is what a document is.
type Kind string

// The kinds of documents.
const (
	KindResource       Kind = "Resource"
	KindGroup          Kind = "Group"
	KindSiteList       Kind = "SiteList"
	KindRoster         Kind = "Roster"
	KindApprovalPolicy Kind = "ApprovalPolicy"
	KindStatusPolicy   Kind = "StatusPolicy"
	KindAlertPolicy    Kind = "AlertPolicy"
	KindCalendar       Kind = "Calendar"
	KindRunbook        Kind = "Runbook"
	KindSchedule       Kind = "Schedule"
	KindRequest        Kind = "Request"
	KindStatusTest     Kind = "StatusTest"
)

// Kinds returns every kind, in the order in which people meet them.
func Kinds() []Kind {
	return []Kind{
		KindResource, KindGroup, KindSiteList, KindRoster, KindApprovalPolicy, KindStatusPolicy,
		KindAlertPolicy, KindCalendar, KindRunbook, KindSchedule, KindRequest, KindStatusTest,
	}
}

// Metadata names a document.
type Metadata struct {
	// Name identifies the document among those of its kind: lower case letters,
	// digits, and . _ - / between them, at most 63 characters.
	Name string `json:"name" jsonschema:"format=bcctl-name"`
	// Labels are for selecting documents.
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations are for people and other tools; bcctl does not read them.
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Document is one document of a repository.
type Document[S any] struct {
	// APIVersion is bcctl/v1.
	APIVersion string `json:"apiVersion"`
	// Kind says what the document is.
	Kind Kind `json:"kind"`
	// Metadata names the document.
	Metadata Metadata `json:"metadata"`
	// Spec is what the document says.
	Spec S `json:"spec"`
	// Origin is where the document stands.
	Origin Origin `json:"-"`
}

// Name returns metadata.name.
func (d *Document[S]) Name() string { return d.Metadata.Name }

// The documents of a repository.
type (
	Resource       = Document[ResourceSpec]
	Group          = Document[GroupSpec]
	SiteList       = Document[SiteListSpec]
	Roster         = Document[approval.Roster]
	ApprovalPolicy = Document[approval.Policy]
	StatusPolicy   = Document[rules.Policy]
	AlertPolicy    = Document[AlertPolicySpec]
	Calendar       = Document[CalendarSpec]
	Runbook        = Document[runbook.Runbook]
	Schedule       = Document[ScheduleSpec]
	Request        = Document[runbook.Request]
	StatusTest     = Document[StatusTestSpec]
)

// SpecType returns the Go type of the spec of a kind, and whether the kind is
// known.
func SpecType(kind Kind) (reflect.Type, bool) {
	types := map[Kind]reflect.Type{
		KindResource:       reflect.TypeFor[ResourceSpec](),
		KindGroup:          reflect.TypeFor[GroupSpec](),
		KindSiteList:       reflect.TypeFor[SiteListSpec](),
		KindRoster:         reflect.TypeFor[approval.Roster](),
		KindApprovalPolicy: reflect.TypeFor[approval.Policy](),
		KindStatusPolicy:   reflect.TypeFor[rules.Policy](),
		KindAlertPolicy:    reflect.TypeFor[AlertPolicySpec](),
		KindCalendar:       reflect.TypeFor[CalendarSpec](),
		KindRunbook:        reflect.TypeFor[runbook.Runbook](),
		KindSchedule:       reflect.TypeFor[ScheduleSpec](),
		KindRequest:        reflect.TypeFor[runbook.Request](),
		KindStatusTest:     reflect.TypeFor[StatusTestSpec](),
	}
	t, ok := types[kind]
	return t, ok
}
