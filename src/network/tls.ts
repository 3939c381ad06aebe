import type * as Tls from 'node:tls'

/** The module `node:tls`, loaded when it is first asked for: it takes as long as a tenth of the program's own modules. */
export function tls(): typeof Tls {
  return process.getBuiltinModule('node:tls')
}
