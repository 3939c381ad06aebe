import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  ages,
  DEFAULT_FILTER,
  fits,
  queryOf,
  readFilter,
  sinceOf,
  stateFilters,
  writeFilter,
  type Filter,
} from './filter.ts'

const anyFilter: fc.Arbitrary<Filter> = fc.record(
  {
    state: fc.constantFrom(...Object.keys(stateFilters)),
    registry: fc.string(),
    within: fc.constantFrom('', ...Object.keys(ages)),
    text: fc.string(),
  },
  { noNullPrototype: true },
)

test('an address keeps every filter, and is empty for the default one', () => {
  fc.assert(
    fc.property(anyFilter, (filter) => {
      assert.deepEqual(readFilter(new URLSearchParams(writeFilter(filter))), filter)
    }),
  )
  assert.equal(writeFilter(DEFAULT_FILTER), '')
})

test('what an address says that nobody knows changes nothing', () => {
  const strange = new URLSearchParams('state=toString&within=__proto__&colour=red')
  assert.deepEqual(readFilter(strange), DEFAULT_FILTER)
})

test('the service is asked for what the list would show', () => {
  const now = Date.parse('2026-11-21T12:00:00Z')
  const filter: Filter = { state: 'failed', registry: 'hub.test', within: 'hour', text: 'app' }
  const since = sinceOf(filter, now)
  assert.deepEqual(queryOf(filter, since), {
    status: 'failed',
    registry: 'hub.test',
    since: '2026-11-21T11:00:00.000Z',
    source: 'app',
  })
  const task = {
    state: 'failed',
    registry: 'hub.test',
    source: 'hub.test/app:1',
    created: '2026-11-21T11:30:00.000Z',
  } as const
  assert.equal(fits(filter, since, task), true)
  const others = [
    { state: 'completed' as const },
    { registry: 'other.test' },
    { source: 'hub.test/api:1' },
    { created: '2026-11-21T10:59:00.000Z' },
  ]
  for (const other of others) assert.equal(fits(filter, since, { ...task, ...other }), false)
  assert.deepEqual(queryOf({ ...DEFAULT_FILTER, state: 'all' }, ''), {})
})
