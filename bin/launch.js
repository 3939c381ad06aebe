import { existsSync } from 'node:fs'

/** Runs one of the programs: from its source in a checkout, built in the package, which holds no sources. */
export async function launch(program) {
  if (Number.parseInt(process.versions.node, 10) < 24) {
    process.stderr.write(`${program} needs Node.js 24 or later, this is ${process.versions.node}\n`)
    process.exitCode = 1
    return
  }
  const source = new URL(`../src/bin/${program}.ts`, import.meta.url)
  const built = new URL(`../dist/bin/${program}.js`, import.meta.url)
  await import((existsSync(source) ? source : built).href)
}
