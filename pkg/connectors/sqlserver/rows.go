package sqlserver

import (
	"database/sql"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// row is one row of an answer, by column. A column that is NULL, missing or of
// another type than expected gives nothing: it is not known, and never zero.
type row map[string]any

func (r row) text(column string) string {
	switch v := r[column].(type) {
	case string:
		return v
	case []byte:
		return string(v)
	default:
		return ""
	}
}

// id reads an identifier. Their letter case differs between tools.
func (r row) id(column string) string { return strings.ToLower(r.text(column)) }

func (r row) number(column string) *int64 {
	switch v := r[column].(type) {
	case int64:
		return &v
	case []byte: // numeric
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return &n
		}
	}
	return nil
}

func (r row) flag(column string) *bool {
	switch v := r[column].(type) {
	case bool:
		return &v
	case int64:
		b := v == 1
		return &b
	}
	return nil
}

// time reads a date. One of type datetime has no zone and is good for differences
// within one answer only.
func (r row) time(column string) *time.Time {
	if v, ok := r[column].(time.Time); ok && !v.IsZero() {
		return &v
	}
	return nil
}

// binary reads bytes as hexadecimal digits.
func (r row) binary(column string) string {
	if v, ok := r[column].([]byte); ok {
		return hex.EncodeToString(v)
	}
	return ""
}

// scanRows reads the result set that rows is at.
func scanRows(rows *sql.Rows) ([]row, error) {
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	list := []row{}
	for rows.Next() {
		values, targets := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		r := make(row, len(columns))
		for i, column := range columns {
			r[column] = values[i]
		}
		list = append(list, r)
	}
	return list, rows.Err()
}
