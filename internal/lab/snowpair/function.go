package snowpair

import (
	"strings"
	"time"
)

// call evaluates a scalar function.
func (s *scope) call(c call) any {
	r := s.run
	args := make([]any, len(c.args))
	for i, a := range c.args {
		if i == 0 && takesUnit[c.name] {
			switch u := a.(type) {
			case columnRef:
				args[i] = u.name
			case literal:
				args[i] = strings.ToUpper(text(u.value))
			}
			continue
		}
		args[i] = s.eval(a)
	}
	if r.err != nil {
		return nil
	}
	if v, ok := r.context(c.name); ok {
		return v
	}
	if n, ok := arity[c.name]; ok && len(args) < n {
		r.fail(fail(938, "22023", "SQL compilation error: error line %d at position %d\nnot enough arguments for function [%s], expected %d, got %d", c.tok.line, c.tok.pos, c.name, n, len(args)))
		return nil
	}
	switch c.name {
	case "COALESCE", "NVL", "IFNULL", "ZEROIFNULL":
		for _, a := range args {
			if a != nil {
				return a
			}
		}
		if c.name == "ZEROIFNULL" {
			return int64(0)
		}
		return nil
	case "IFF":
		if args[0] != nil && truth(args[0]) {
			return args[1]
		}
		return args[2]
	case "NULLIF":
		if args[0] != nil && args[1] != nil {
			if n, ok := compare(args[0], args[1]); ok && n == 0 {
				return nil
			}
		}
		return args[0]
	case "GREATEST", "LEAST":
		best := args[0]
		for _, a := range args {
			if a == nil {
				return nil
			}
			if n, ok := compare(a, best); ok && n != 0 && (n > 0) == (c.name == "GREATEST") {
				best = a
			}
		}
		return best
	case "SYSTEM$CANCEL_QUERY":
		return r.cancelQuery(plain(args[0]))
	case "SYSTEM$SCHEDULE_ASYNC_REPLICATION_GROUP_REFRESH":
		return r.scheduleRefresh(plain(args[0]))
	case "SYSTEM$PIPE_STATUS":
		return r.pipeStatus(plain(args[0]))
	case "IS_ROLE_IN_SESSION":
		return plain(args[0]) == r.session.role // roles of the laboratory hold no others
	}
	if len(args) > 0 && args[len(args)-1] == nil && c.name != "CONCAT" {
		if _, known := arity[c.name]; known {
			return nil
		}
	}
	switch c.name {
	case "UPPER":
		return strings.ToUpper(plain(args[0]))
	case "LOWER":
		return strings.ToLower(plain(args[0]))
	case "TRIM":
		return strings.TrimSpace(plain(args[0]))
	case "CONCAT":
		var b strings.Builder
		for _, a := range args {
			if a == nil {
				return nil
			}
			b.WriteString(plain(a))
		}
		return b.String()
	case "TO_VARCHAR", "TO_CHAR":
		return plain(args[0])
	case "TO_JSON":
		if _, ok := args[0].(variant); ok {
			return text(args[0])
		}
		return plain(args[0])
	case "TO_VARIANT":
		return variant{args[0]}
	case "PARSE_JSON":
		v, err := parseJSON(plain(args[0]))
		if err != nil {
			r.fail(fail(100069, "22P02", "Error parsing JSON: %s", plain(args[0])))
			return nil
		}
		return v
	case "TO_NUMBER", "TO_DECIMAL":
		return s.cast(args[0], "NUMBER")
	case "TO_BOOLEAN":
		return truth(args[0])
	case "TO_TIMESTAMP_LTZ", "TO_TIMESTAMP", "TO_TIMESTAMP_TZ":
		return s.cast(args[0], "TIMESTAMP_LTZ")
	case "TO_TIMESTAMP_NTZ":
		return s.cast(args[0], "TIMESTAMP_NTZ")
	case "DATEDIFF", "TIMESTAMPDIFF", "TIMEDIFF":
		from, ok1 := moment(args[1])
		to, ok2 := moment(args[2])
		unit, ok3 := units[plain(args[0])]
		if args[1] == nil || !ok1 || !ok2 || !ok3 {
			if args[1] != nil {
				r.fail(fail(1045, "22023", "SQL compilation error:\nargument needs to be a date part: '%s'", plain(args[0])))
			}
			return nil
		}
		// Borders that lie between, not whole units: that is how the product counts.
		return int64(to.Truncate(unit).Sub(from.Truncate(unit)) / unit)
	case "DATEADD", "TIMESTAMPADD", "TIMEADD":
		n, ok1 := number(args[1])
		t, ok2 := moment(args[2])
		unit, ok3 := units[plain(args[0])]
		if !ok1 || !ok2 || !ok3 {
			r.fail(fail(1045, "22023", "SQL compilation error:\nargument needs to be a date part: '%s'", plain(args[0])))
			return nil
		}
		return t.Add(time.Duration(n) * unit)
	case "DATE_PART", "EXTRACT":
		t, ok := moment(args[1])
		if !ok {
			return nil
		}
		switch plain(args[0]) {
		case "EPOCH", "EPOCH_SECOND", "EPOCH_SECONDS":
			return t.Unix()
		case "EPOCH_MILLISECOND", "EPOCH_MILLISECONDS":
			return t.UnixMilli()
		case "EPOCH_MICROSECOND", "EPOCH_MICROSECONDS":
			return t.UnixMicro()
		case "EPOCH_NANOSECOND", "EPOCH_NANOSECONDS":
			return t.UnixNano()
		}
		r.fail(fail(1045, "22023", "SQL compilation error:\nargument needs to be a date part: '%s'", plain(args[0])))
		return nil
	}
	r.fail(fail(2140, "42601", "SQL compilation error:\nUnknown function %s", c.name))
	return nil
}

var takesUnit = map[string]bool{
	"DATEDIFF": true, "TIMESTAMPDIFF": true, "TIMEDIFF": true, "DATEADD": true, "TIMESTAMPADD": true, "TIMEADD": true, "DATE_PART": true, "EXTRACT": true,
}

var arity = map[string]int{
	"IFF": 3, "NULLIF": 2, "GREATEST": 1, "LEAST": 1, "SYSTEM$CANCEL_QUERY": 1, "SYSTEM$SCHEDULE_ASYNC_REPLICATION_GROUP_REFRESH": 1, "SYSTEM$PIPE_STATUS": 1, "IS_ROLE_IN_SESSION": 1,
	"UPPER": 1, "LOWER": 1, "TRIM": 1, "TO_VARCHAR": 1, "TO_CHAR": 1, "TO_JSON": 1, "TO_VARIANT": 1, "PARSE_JSON": 1, "TO_NUMBER": 1, "TO_DECIMAL": 1,
	"TO_BOOLEAN": 1, "TO_TIMESTAMP_LTZ": 1, "TO_TIMESTAMP": 1, "TO_TIMESTAMP_TZ": 1, "TO_TIMESTAMP_NTZ": 1,
	"DATEDIFF": 3, "TIMESTAMPDIFF": 3, "TIMEDIFF": 3, "DATEADD": 3, "TIMESTAMPADD": 3, "TIMEADD": 3, "DATE_PART": 2, "EXTRACT": 2,
}

var units = map[string]time.Duration{
	"DAY": 24 * time.Hour, "DAYS": 24 * time.Hour, "D": 24 * time.Hour, "WEEK": 7 * 24 * time.Hour,
	"HOUR": time.Hour, "HOURS": time.Hour, "H": time.Hour, "HH": time.Hour,
	"MINUTE": time.Minute, "MINUTES": time.Minute, "MI": time.Minute, "MIN": time.Minute,
	"SECOND": time.Second, "SECONDS": time.Second, "S": time.Second, "SEC": time.Second,
	"MILLISECOND": time.Millisecond, "MS": time.Millisecond, "MICROSECOND": time.Microsecond, "US": time.Microsecond, "NANOSECOND": 1, "NS": 1,
}

// context answers the functions about the session.
func (r *execution) context(name string) (any, bool) {
	a := r.account
	optional := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	switch name {
	case "CURRENT_ACCOUNT_NAME":
		return a.Name, true
	case "CURRENT_ORGANIZATION_NAME":
		return a.org.name, true
	case "CURRENT_ACCOUNT":
		return a.Locator, true
	case "CURRENT_REGION":
		if a.groupedRegions {
			return "PUBLIC." + a.Region, true
		}
		return a.Region, true
	case "CURRENT_ROLE":
		return optional(r.session.role), true
	case "CURRENT_USER":
		return r.session.user, true
	case "CURRENT_WAREHOUSE":
		return optional(r.session.warehouse), true
	case "CURRENT_DATABASE":
		return optional(r.session.database), true
	case "CURRENT_SCHEMA":
		return optional(r.session.schema), true
	case "CURRENT_SECONDARY_ROLES":
		return `{"roles":"","value":"ALL"}`, true
	case "CURRENT_AVAILABLE_ROLES":
		return `["` + strings.Join(r.session.available, `","`) + `"]`, true
	case "CURRENT_SESSION":
		return text(r.session.id), true
	case "CURRENT_VERSION":
		return a.org.release, true
	case "CURRENT_CLIENT":
		return optional(r.session.client), true
	case "CURRENT_IP_ADDRESS":
		return "127.0.0.1", true
	case "CURRENT_TIMESTAMP", "LOCALTIMESTAMP", "GETDATE", "SYSTIMESTAMP":
		return r.now.Add(a.skew), true
	case "SYSDATE":
		return ntz(r.now.Add(a.skew).UTC()), true
	case "CURRENT_DATE":
		return r.now.UTC().Format(time.DateOnly), true
	case "LAST_QUERY_ID":
		return optional(r.session.lastQuery), true
	}
	return nil, false
}
