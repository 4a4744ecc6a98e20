// Reads lines of a time zone, a count, a time and a schedule, separated by tabs, and answers each with a line: the next
// times at which the schedule is due, or "invalid".
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata"

	"github.com/robfig/cron/v3"
)

func main() {
	questions := bufio.NewScanner(os.Stdin)
	for questions.Scan() {
		fmt.Println(answer(strings.SplitN(questions.Text(), "\t", 4)))
	}
}

func answer(question []string) string {
	schedule, err := cron.ParseStandard(question[3])
	if err != nil {
		return "invalid"
	}
	zone, err := time.LoadLocation(question[0])
	if err != nil {
		panic(err)
	}
	count, err := strconv.Atoi(question[1])
	if err != nil {
		panic(err)
	}
	at, err := time.Parse(time.RFC3339, question[2])
	if err != nil {
		panic(err)
	}
	var due []string
	for at = at.In(zone); len(due) < count; {
		if at = schedule.Next(at); at.IsZero() {
			break
		}
		due = append(due, at.UTC().Format(time.RFC3339))
	}
	return strings.Join(due, " ")
}
