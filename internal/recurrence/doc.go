// Package recurrence says when something that is repeated takes place: the part of the
// recurrence rules of RFC 5545 (RRULE) that is about days, in the time of a clock on a
// wall. It knows time zones, and what people do when clocks are changed; it does not know
// what is repeated.
package recurrence
