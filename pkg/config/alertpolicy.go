package config

import (
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// AlertPolicySpec says who is told what.
type AlertPolicySpec struct {
	// Routes are tried in this order; the first that matches decides, unless it
	// says continue.
	Routes []Route `json:"routes" jsonschema:"minItems=1"`
	// Mutes keep alerts back for a time. They change no verdict.
	Mutes []Mute `json:"mutes,omitempty"`
}

// Route sends what matches to channels.
type Route struct {
	// Name identifies the route in this policy.
	Name string `json:"name" jsonschema:"format=bcctl-name"`
	// Match says what the route is for. Empty: everything.
	Match Match `json:"match,omitzero"`
	// Events are what the channels are told of. Default: all of them.
	Events []Event `json:"events,omitempty" jsonschema:"minItems=1,uniqueItems=true,enum=breach,enum=reminder,enum=cleared,enum=visibility-lost,enum=visibility-back,enum=created,enum=approved,enum=denied,enum=started,enum=progress,enum=succeeded,enum=failed,enum=rolled-back,enum=break-glass,enum=due"`
	// MinStatus is the mildest status that is alerted. Default yellow.
	MinStatus *readiness.Status `json:"minStatus,omitempty" jsonschema:"enum=yellow,enum=unknown,enum=red"`
	// Channels are names of notification channels in bcctl.yaml.
	Channels []string `json:"channels" jsonschema:"minItems=1,uniqueItems=true"`
	// For is how long a breach must last, where a threshold does not say so.
	For *duration.Duration `json:"for,omitempty"`
	// RemindEvery is how often a lasting alert is repeated.
	RemindEvery *duration.Duration `json:"remindEvery,omitempty"`
	// Page says that the route wakes somebody up. Such a route names its
	// environments, so that a test system never pages by accident.
	Page bool `json:"page,omitempty"`
	// Continue lets the routes after this one match as well.
	Continue bool `json:"continue,omitempty"`
}

// Match selects targets. All given parts must match; inside a list one is
// enough.
type Match struct {
	// Tiers matches resources and groups of these tiers.
	Tiers []int `json:"tiers,omitempty" jsonschema:"minItems=1,uniqueItems=true,enum=1,enum=2"`
	// Environments matches resources of these environments.
	Environments []string `json:"environments,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
	// Platforms matches resources of these platforms.
	Platforms []string `json:"platforms,omitempty" jsonschema:"minItems=1,uniqueItems=true,enum=postgresql,enum=sqlserver,enum=mongodb,enum=snowflake"`
	// Groups matches these groups and their members.
	Groups []string `json:"groups,omitempty" jsonschema:"minItems=1,uniqueItems=true,format=bcctl-name"`
	// Resources matches these resources.
	Resources []string `json:"resources,omitempty" jsonschema:"minItems=1,uniqueItems=true,format=bcctl-name"`
	// Sites matches resources with an endpoint at one of these sites.
	Sites []string `json:"sites,omitempty" jsonschema:"minItems=1,uniqueItems=true,format=bcctl-name"`
	// Labels matches documents that have all of these labels.
	Labels map[string]string `json:"labels,omitempty"`
}

// Event is something a channel can be told of.
type Event string

// Events of monitoring and of requests.
const (
	EventBreach         Event = "breach"
	EventReminder       Event = "reminder"
	EventCleared        Event = "cleared"
	EventVisibilityLost Event = "visibility-lost"
	EventVisibilityBack Event = "visibility-back"
	EventCreated        Event = "created"
	EventApproved       Event = "approved"
	EventDenied         Event = "denied"
	EventStarted        Event = "started"
	EventProgress       Event = "progress"
	EventSucceeded      Event = "succeeded"
	EventFailed         Event = "failed"
	EventRolledBack     Event = "rolled-back"
	EventBreakGlass     Event = "break-glass"
	EventDue            Event = "due" // a scheduled exercise comes up
)

// Mute keeps alerts back. It ends by itself.
type Mute struct {
	// Name identifies the mute in this policy.
	Name string `json:"name" jsonschema:"format=bcctl-name"`
	// Match says what is kept back. It may not be empty.
	Match Match `json:"match"`
	// Codes keeps back these reason codes only. Default: all.
	Codes []readiness.Code `json:"codes,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
	// From is when the mute begins.
	From time.Time `json:"from"`
	// Until is when it ends.
	Until time.Time `json:"until"`
	// Owner is who answers for it.
	Owner string `json:"owner" jsonschema:"minLength=1"`
	// Reason says why.
	Reason string `json:"reason" jsonschema:"minLength=1"`
}
