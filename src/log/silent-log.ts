import { createLog } from './log.ts'
import { createRedaction } from './redaction.ts'

/** A log for who has none. */
export const silentLog = createLog({
  write: () => {},
  redaction: createRedaction(),
  level: 'error',
})
