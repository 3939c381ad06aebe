import { environment } from '../config/environment.ts'
import { runAcceld } from '../daemon/acceld.ts'
import { openConversionService } from '../convert/service.ts'

/** Webhooks have to be answered in seconds, conversions take as long as they take. */
const NICENESS = 10

const code = await runAcceld(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  environment,
  process,
  openConversions: (config, { log, redaction, userAgent }) =>
    openConversionService(
      config,
      { log, redaction },
      { userAgent, environment, niceness: NICENESS },
    ),
})
// what does not want to end after a stop, such as a second signal's conversions, is ended here
process.exit(code)
