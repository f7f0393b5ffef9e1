package render

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// csvHeader names the columns. A file cannot expire, so validUntil stands beside
// the status; replayOf is when the observations of a replay were recorded.
var csvHeader = [...]string{"target", "kind", "platform", "tier", "environment", "owner", "status", "validUntil", "observedAt",
	"code", "reasonStatus", "message", "endpoint", "indicator", "value", "unit", "threshold", "source", "file", "line", "replayOf"}

// csv has a row for every reason; a result without reasons has one row.
func (v View) csv() ([]byte, error) {
	r := v.Shown()
	replayOf := ""
	if r.Replay != nil {
		replayOf = stamp(r.Replay.RecordedAt)
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true // RFC 4180
	rows := [][]string{csvHeader[:]}
	for _, result := range r.Results {
		reasons := result.Reasons
		if len(reasons) == 0 {
			reasons = []readiness.Reason{{}}
		}
		for _, reason := range reasons {
			rows = append(rows, csvRow(result, reason, replayOf))
		}
	}
	for i, row := range rows {
		if i > 0 {
			for n := range row {
				row[n] = guardFormula(row[n])
			}
		}
		if err := w.Write(row); err != nil {
			return nil, fmt.Errorf("write row %d: %w", i, err)
		}
	}
	w.Flush()
	return text(b.String()), w.Error()
}

func csvRow(r readiness.Result, reason readiness.Reason, replayOf string) []string {
	reasonStatus := ""
	if reason.Code != "" {
		reasonStatus = reason.Status.String()
	}
	return []string{r.Name, string(r.Kind), r.Platform, number(r.Tier), r.Environment, r.Owner, r.Status.String(), stamp(r.ValidUntil), stamp(r.ObservedAt),
		string(reason.Code), reasonStatus, reason.Message, reason.Endpoint, string(reason.Indicator), raw(reason.Value), string(reason.Unit), raw(reason.Threshold),
		reason.Source, r.File, number(r.Line), replayOf}
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// raw prints a value for a program: without unit, empty when absent.
func raw(v readiness.Value) string {
	if n, ok := v.Number(); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	if flag, ok := v.Flag(); ok {
		return strconv.FormatBool(flag)
	}
	text, _ := v.Text()
	return text
}

// guardFormula keeps a spreadsheet from taking a cell for a formula. The signs of
// East Asian width count too, and so does one after blanks: a tab that stood
// there has become one.
func guardFormula(cell string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(cell, " "))
	if strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) && cell != "" {
		return "'" + cell
	}
	return cell
}
