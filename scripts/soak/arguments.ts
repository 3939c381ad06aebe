import { parseArgs } from 'node:util'

/** How hard it is tried. */
export interface SoakInit {
  /** The same seed gives the same images, pushes and moments. */
  seed: number
  images: number
  pushes: number
  /** Clients that push at the same time. */
  clients: number
  /** How often the daemon is killed with SIGKILL. */
  kills: number
  /** Receives each line of the daemon's log. */
  onLine?: (line: string) => void
  /** Is told what happens. */
  say: (line: string) => void
}

export const usage = `usage: npm run soak -- [options]

Pushes images by several clients into a registry that calls acceld by webhook,
kills acceld with SIGKILL at random again and again, and checks in the end that
every image was converted exactly once, that no tag names anything older than
its source, and that nothing is left in the work directory.

  --seed N      (default: another one each time, which is printed)
  --images N    (default 30)
  --pushes N    (default 200)
  --clients N   (default 4)
  --kills N     (default 40)
  --log         prints the log of acceld
  --help
`

/** Reads the command line; undefined when only the usage is asked for. Throws what parseArgs throws. */
export function parseArguments(
  argv: readonly string[],
): (Omit<SoakInit, 'say' | 'onLine'> & { log: boolean }) | undefined {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      images: { type: 'string', default: '30' },
      pushes: { type: 'string', default: '200' },
      clients: { type: 'string', default: '4' },
      kills: { type: 'string', default: '40' },
      log: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const { seed, images, pushes, clients, kills, log } = values
  const number = (name: string, text: string): number => {
    if (/^\d+$/.test(text)) return Number(text)
    throw new TypeError(`--${name}: ${text} is not a number`)
  }
  return {
    seed: number('seed', seed),
    images: number('images', images),
    pushes: number('pushes', pushes),
    clients: number('clients', clients),
    kills: number('kills', kills),
    log,
  }
}
