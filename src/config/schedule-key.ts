import { textForm } from './json-form.ts'
import type { Key } from './key.ts'
import { parseSchedule, type Schedule } from './schedule.ts'

/** An interval or a cron line; undefined where the key is left out. */
export function schedule(init: { doc: string }): Key<Schedule | undefined> {
  return {
    form: 'an interval or a cron line',
    shownDefault: undefined,
    doc: init.doc,
    json: textForm,
    read(node, reading) {
      const text = reading.scalar(node)
      if (text === undefined || text === '') return undefined
      const parsed = parseSchedule(text)
      if (typeof parsed !== 'string') return parsed
      reading.problem(parsed)
      return undefined
    },
  }
}
