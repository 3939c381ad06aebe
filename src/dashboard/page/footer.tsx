import { timeZone } from '../model/format.ts'

/** What holds for everything above. */
export function Footer() {
  return (
    <footer>
      <p>
        Times are those of {timeZone()}. 1 MB is 1,000,000 bytes. Programs find all of this at{' '}
        <a href="api/v1/openapi.json">api/v1/openapi.json</a>.
      </p>
    </footer>
  )
}
