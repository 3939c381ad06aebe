/** `npm run soak`: see the usage. Ends with 1 when anything is not as it must be. */
import { parseArguments, usage } from './arguments.ts'
import { runSoak } from './run.ts'

const asked = parseArguments(process.argv.slice(2))
if (asked === undefined) {
  process.stdout.write(usage)
} else {
  const { log, ...init } = asked
  const say = (line: string): void => void process.stdout.write(`${line}\n`)
  say(`seed ${init.seed}: ${init.pushes} pushes of ${init.images} images, ${init.kills} kills`)
  const result = await runSoak({
    ...init,
    say,
    ...(log ? { onLine: (line) => void process.stderr.write(`${line}\n`) } : {}),
  })
  const { findings, tasks, webhooks, converted, seconds } = result
  say(
    `${webhooks} webhooks, ${tasks} tasks, ${converted.images} conversions with ${converted.layers} layers, ` +
      `of which ${converted.found} were finished before; ${seconds.toFixed(0)} s`,
  )
  for (const finding of findings) say(`WRONG: ${finding}`)
  say(findings.length === 0 ? 'all is as it must be' : `${findings.length} things are wrong`)
  process.exitCode = findings.length === 0 ? 0 : 1
}
