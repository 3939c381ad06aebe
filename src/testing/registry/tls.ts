import { readFile } from 'node:fs/promises'

/** What a TLS server needs, PEM, and the authority that signed it where it is not a public one. */
export interface ServerTls {
  key: string
  cert: string
  ca?: string
}

/** A certificate for `localhost` and `127.0.0.1`, its key, and its authority, from `test/fixtures/registry-tls`. */
export async function testTls(): Promise<Required<ServerTls>> {
  const read = (name: string) =>
    readFile(new URL(`../../../test/fixtures/registry-tls/${name}.pem`, import.meta.url), 'utf8')
  const [key, cert, ca] = await Promise.all([read('server-key'), read('server'), read('ca')])
  return { key, cert, ca }
}
