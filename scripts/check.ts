/**
 * `npm run check [STEP ...]`: everything that a reviewer would ask of a change, in one command. The steps run side
 * by side, as many at a time as there are processors; what a failed one printed comes at the end, and the summary
 * last. Needs no build and no network.
 */
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { unitTests } from './test-files.ts'

interface Step {
  name: string
  command: string[]
}

interface Outcome {
  step: Step
  passed: boolean
  output: string
  seconds: number
}

/** The longest first, so that the short ones fill the gaps. */
const steps: Step[] = [
  {
    name: 'tests',
    command: ['node', '--test', '--test-timeout=180000', '--test-reporter=dot', ...unitTests],
  },
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'page', command: ['tsc', '--noEmit', '-p', 'src/dashboard/page'] },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'docs', command: ['node', 'scripts/docs.ts', '--check'] },
  { name: 'format', command: ['oxfmt', '--check'] },
]

const root = join(import.meta.dirname, '..')
const env = {
  ...process.env,
  // compiled once, not in each of the hundred processes that the tests run in
  NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compiled'),
  PATH: [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter),
}

const outcomes = await runAll(chosen(process.argv.slice(2)), availableParallelism())
report(outcomes)
if (outcomes.some((outcome) => !outcome.passed)) process.exitCode = 1

/** The steps that the command line names; all of them where it names none. */
function chosen(names: string[]): Step[] {
  const unknown = names.find((name) => !steps.some((step) => step.name === name))
  if (unknown !== undefined) {
    console.error(`no step is called ${unknown}; there are ${steps.map((s) => s.name).join(', ')}`)
    process.exit(2)
  }
  return names.length === 0 ? steps : steps.filter((step) => names.includes(step.name))
}

async function runAll(todo: Step[], width: number): Promise<Outcome[]> {
  const waiting = [...todo]
  const done: Outcome[] = []
  const lane = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      done.push(await run(step))
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
  return todo.flatMap((step) => done.filter((outcome) => outcome.step === step))
}

function run(step: Step): Promise<Outcome> {
  const [program = '', ...args] = step.command
  const started = performance.now()
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
    const end = (passed: boolean): void =>
      resolve({ step, passed, output, seconds: (performance.now() - started) / 1000 })
    child.on('error', (error) => {
      output += `${error.message}\nIs everything installed? Run: npm ci\n`
      end(false)
    })
    child.on('close', (code) => end(code === 0))
  })
}

function report(all: Outcome[]): void {
  for (const { step, output } of all.filter((outcome) => !outcome.passed)) {
    console.log(`\n--- ${step.name}: ${step.command.join(' ')}\n${output.trimEnd()}`)
  }
  console.log()
  for (const { step, passed, seconds } of all) {
    console.log(`${passed ? 'ok    ' : 'FAILED'}  ${step.name.padEnd(8)} ${seconds.toFixed(1)} s`)
  }
}
