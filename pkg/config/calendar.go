package config

import (
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// CalendarSpec holds the times that matter to runs and exercises.
type CalendarSpec struct {
	// TimeZone is the name of the zone in which local times and repetitions are
	// meant, such as Europe/Berlin. Default UTC.
	TimeZone string `json:"timeZone,omitempty" jsonschema:"format=bcctl-timezone"`
	// Freezes are times in which nothing may be run.
	Freezes []Window `json:"freezes,omitempty"`
	// AfterFailover are pauses after a failover, so that sides are not changed to and
	// fro: for as long as they last nothing may be run at what was failed over.
	AfterFailover []Pause `json:"afterFailover,omitempty"`
	// Maintenance are times in which planned work may be done. They mute no alert
	// and change no verdict.
	Maintenance []Window `json:"maintenance,omitempty"`
	// Holidays are days that are no working days, as 2026-12-25.
	Holidays []Day `json:"holidays,omitempty" jsonschema:"uniqueItems=true,format=bcctl-date"`
	// Workdays are the working days of a week. Default Monday to Friday.
	Workdays []Weekday `json:"workdays,omitempty" jsonschema:"minItems=1,uniqueItems=true,enum=MO,enum=TU,enum=WE,enum=TH,enum=FR,enum=SA,enum=SU"`
}

// Day is a date: 2026-12-25.
type Day string

// Weekday is a day of the week as RFC 5545 writes it: MO, TU, WE, TH, FR, SA, SU.
type Weekday string

// Window is a stretch of time, once or repeated.
type Window struct {
	// Name identifies the window in this calendar.
	Name string `json:"name" jsonschema:"format=bcctl-name"`
	// Reason says why the window exists.
	Reason string `json:"reason,omitempty"`
	// From is when it begins, the first time.
	From time.Time `json:"from"`
	// Until is when it ends. One that is repeated has lasts in its place.
	Until *time.Time `json:"until,omitempty"`
	// Lasts is how long it lasts, in place of until; where clocks are changed
	// meanwhile, at least until they show the hour at which it would else end.
	Lasts *duration.Duration `json:"lasts,omitempty"`
	// Repeat is a recurrence rule of RFC 5545, daily or coarser, such as
	// FREQ=MONTHLY;BYMONTHDAY=-1. It begins at the same hour each time, in the time
	// zone of the calendar.
	Repeat Recurrence `json:"repeat,omitempty"`
	// WorkdaysOnly says that of the days of repeat only working days count, by
	// workdays and holidays: FREQ=MONTHLY;BYSETPOS=-1 is then the last working day of
	// a month.
	WorkdaysOnly bool `json:"workdaysOnly,omitempty"`
	// Match says which targets it is for. Empty: all of them.
	Match Match `json:"match,omitzero"`
	// Actions are the types of requests it is for. Default: all of them.
	Actions []runbook.Type `json:"actions,omitempty" jsonschema:"minItems=1,uniqueItems=true,enum=switchover,enum=failover,enum=failback,enum=drill"`
}

// Pause is a stretch of time after a failover.
type Pause struct {
	// Name identifies the pause in this calendar.
	Name string `json:"name" jsonschema:"format=bcctl-name"`
	// Reason says why the pause exists.
	Reason string `json:"reason,omitempty"`
	// Lasts is how long it lasts, from the end of the failover.
	Lasts duration.Duration `json:"lasts"`
	// Match says which targets it is for. Empty: all of them.
	Match Match `json:"match,omitzero"`
	// Actions are the types of requests it is for. Default: all of them.
	Actions []runbook.Type `json:"actions,omitempty" jsonschema:"minItems=1,uniqueItems=true,enum=switchover,enum=failover,enum=failback,enum=drill"`
}

// ScheduleSpec says when an exercise or a rotation is due. A schedule opens
// requests and tells people; it never runs anything.
type ScheduleSpec struct {
	// Type is the type of the requests it opens.
	Type runbook.Type `json:"type" jsonschema:"enum=switchover,enum=failback,enum=drill"`
	// Targets are the resources or groups, one request each time for the next of
	// them in turn.
	Targets []string `json:"targets" jsonschema:"minItems=1,uniqueItems=true,format=bcctl-name"`
	// TargetSite is the site that shall be primary, or where the drill takes place.
	// Default home.dr of the target.
	TargetSite string `json:"targetSite,omitempty" jsonschema:"format=bcctl-name"`
	// Owner is the person who answers for the schedule, by the id of the roster.
	// The owner may not approve its requests.
	Owner string `json:"owner" jsonschema:"format=bcctl-name"`
	// Description says what the exercise is to prove.
	Description string `json:"description,omitempty"`
	// Start is when it is due the first time.
	Start time.Time `json:"start"`
	// Repeat is a recurrence rule of RFC 5545, daily or coarser, such as
	// FREQ=MONTHLY;INTERVAL=3;BYDAY=2TU.
	Repeat Recurrence `json:"repeat"`
	// TimeZone is the name of the zone in which the repetition is meant. Default
	// UTC.
	TimeZone string `json:"timeZone,omitempty" jsonschema:"format=bcctl-timezone"`
	// Window is how long after its start the exercise may begin. Default 4h.
	Window *duration.Duration `json:"window,omitempty"`
	// OpenBefore is how long ahead the request is opened. Default 14d.
	OpenBefore *duration.Duration `json:"openBefore,omitempty"`
	// NotifyBefore says how long ahead people are told, once for each entry.
	NotifyBefore []duration.Duration `json:"notifyBefore,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
	// Calendars are the calendars whose freezes move the exercise to the next free
	// time.
	Calendars []string `json:"calendars,omitempty" jsonschema:"minItems=1,uniqueItems=true,format=bcctl-name"`
	// Parameters are the values of the runbook's parameters.
	Parameters map[string]string `json:"parameters,omitempty"`
}

// Recurrence is a recurrence rule of RFC 5545 (RRULE) without its name, such as
// FREQ=MONTHLY;INTERVAL=3. It repeats daily or less often.
type Recurrence string
