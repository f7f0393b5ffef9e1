package report

// detail is how much a page tells of each resource.
type detail struct {
	columns int  // parts that drawings cut the time into
	every   bool // all readings, and beside every reason what it means
	charts  int  // drawings of numbers
	reasons int  // the rest is counted
}

// details are from everything to what a person needs to begin with. Names,
// statuses, times, the worst reason and the commands are on every page.
var details = [...]detail{
	{columns: 144, every: true, charts: mostCharts, reasons: 50}, // ten minutes of a day each
	{columns: 72, charts: mostCharts, reasons: 10},
	{columns: 48, charts: 0, reasons: 3},
}

// A page takes the first detail with which it stays below this size, so that it
// opens quickly and can be passed around: 1.5 MB for 500 resources. What a larger
// fleet takes is in proportion.
const (
	mostBytes       = 1_500_000
	bytesOfResource = mostBytes / 500
)
