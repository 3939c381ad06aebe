import type { Config } from '../config/schema.ts'
import { driverNotes } from '../convert/driver-notes.ts'
import type { Log } from '../log/log.ts'

/** Says at the start what an operator would otherwise find out by a refused request, or never. Throws DRIVER_…. */
export function logStartupNotes(config: Config, log: Log): void {
  const { allowUnauthenticated, apiToken, uds } = config.server
  const { source } = config.provider
  const open = [...source].filter(([, { webhook }]) => webhook.authHeader === '')
  const names = open.map(([name]) => name).join(', ')
  if (source.size === 0) {
    log.warn('no registry is configured below provider.source: every request will be refused')
  }
  if (allowUnauthenticated) {
    log.warn(
      `server.allow_unauthenticated is on: WHOEVER CAN REACH THIS PORT can have images converted and see their names${names === '' ? '' : `, of ${names}`}`,
    )
  } else if (names !== '' && apiToken === '' && uds === '') {
    log.warn(
      `requests for ${names} will be refused: set webhook.auth_header there, or server.api_token, or server.allow_unauthenticated`,
    )
  }
  for (const [name, { insecure, plainHttp }] of source) {
    if (insecure) log.warn(`the TLS certificate of ${name} is not verified (insecure)`)
    if (plainHttp) log.warn(`${name} is spoken to without TLS (plain_http)`)
  }
  for (const note of driverNotes(config)) log.info(note)
}
