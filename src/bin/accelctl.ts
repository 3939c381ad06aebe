import { runAccelctl } from '../cli/accelctl.ts'
import { interrupted } from '../cli/program-io.ts'
import { environment } from '../config/environment.ts'

const controller = new AbortController()
// once: a second signal ends the process as it would any other
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => controller.abort(interrupted('the command')))
}
const code = await runAccelctl(
  process.argv.slice(2),
  { stdout: process.stdout, stderr: process.stderr, environment, signal: controller.signal },
  {
    async openConversions(config, { log, redaction, userAgent }) {
      // what only a conversion needs is loaded for one: `accelctl task` answers in a fraction of the time
      const { preparedThreads } = await import('../convert/conversion-threads.ts')
      const threads = preparedThreads(config)
      const { openConversionService } = await import('../convert/service.ts')
      const init = { userAgent, environment, threads }
      return openConversionService(config, { log, redaction }, init)
    },
  },
)
process.exit(code)
