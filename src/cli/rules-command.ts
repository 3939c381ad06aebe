import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import type { Config } from '../config/schema.ts'
import { unreadableFile } from '../config/text-file.ts'
import { userAgent } from '../config/version.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { explainPush, type PushExplanation } from '../http/webhook/explain-push.ts'
import { readWebhookEvent } from '../http/webhook/read-event.ts'
import type { PushedResource } from '../http/webhook/event.ts'
import { formatReference } from '../oci/reference.ts'
import type { Holds } from '../rules/condition.ts'
import type { ImageFacts } from '../rules/facts.ts'
import { configuration } from './configuration.ts'
import { outputOption, rendered, type OutputForm } from './output.ts'
import { reportFailure, voiceOf, type ProgramIo, type Voice } from './program-io.ts'

interface TestOptions {
  config: string
  resolve: boolean
  output: OutputForm
}

/** Exit code where no rule applies to anything that was pushed. */
const NOTHING = 3

/** `accelctl rules test`: what a webhook would lead to. `exit` is told the code. */
export function rulesCommand(io: ProgramIo, exit: (code: number) => void): Command {
  const rules = new Command('rules').description('work with the rules of a configuration file')
  rules
    .command('test')
    .description('say which rules apply to a webhook, and why; nothing is converted')
    .argument('<event>', 'a file with the body of a webhook, - for standard input, or a reference')
    .requiredOption('--config <file>', 'path of the configuration file')
    .option('--resolve', 'read the manifest from the registry, for conditions that need it', false)
    .addOption(outputOption())
    .addHelpText(
      'after',
      `\nExit codes: 0 a rule applies, or may; ${NOTHING} none does; 1 it could not be told.`,
    )
    .action(async (event: string, options: TestOptions) => {
      const voice = voiceOf(io, 'warning')
      try {
        const config = configuration(options.config, io, voice)
        const told = resourcesOf(event, voice)
        const explained = []
        for (const resource of told) {
          const image = options.resolve ? await factsOf(config, resource, io, voice) : undefined
          explained.push(explainPush(config, resource, image))
        }
        const { output } = options
        io.stdout.write(rendered(explained.map(plain), output, (all) => all.map(text).join('')))
        exit(explained.some(leadsToAnything) ? 0 : NOTHING)
      } catch (error) {
        // the answer to a registry does not say what is wrong with its event
        if (isAccelError(error, 'HTTP_PAYLOAD_INVALID')) voice.log.error(error.context.problem)
        exit(reportFailure(error, io, voice))
      }
    })
  return rules
}

/** What the event names. A file is read by what it looks like, as content types are not kept in files. */
function resourcesOf(event: string, voice: Voice): PushedResource[] {
  const body = textOf(event)
  if (body === undefined) return [{ url: event }]
  const headers = new Headers({ 'content-type': contentTypeOf(body) })
  const told = readWebhookEvent({ headers, body }, { named: undefined, spokenFor: undefined })
  if (told.kind === 'push') return told.resources
  voice.log.warn(`it tells of ${told.type}, which is passed over; only pushes are converted`)
  return []
}

/** The text of the file, or undefined where there is none and the argument can be a reference. */
function textOf(event: string): string | undefined {
  const path = event === '-' ? 0 : event
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' && !event.endsWith('.json')) return undefined
    throw unreadableFile(event, cause)
  }
}

function contentTypeOf(body: string): string {
  if (/"specversion"\s*:/.test(body)) return 'application/cloudevents+json'
  return /^\s*\{\s*"events"\s*:/.test(body)
    ? 'application/vnd.docker.distribution.events.v2+json'
    : 'application/json'
}

/** What the registry says of the image. */
async function factsOf(
  config: Config,
  { url, digest }: PushedResource,
  io: ProgramIo,
  voice: Voice,
): Promise<ImageFacts> {
  const { readFacts } = await import('../convert/read-facts.ts')
  return readFacts(config, digest === undefined ? url : `${url.split('@')[0]}@${digest}`, voice, {
    userAgent: userAgent(),
    environment: io.environment,
    signal: io.signal,
  })
}

function leadsToAnything({ refused, verdicts }: PushExplanation): boolean {
  return refused === undefined && verdicts.some(({ holds }) => holds !== 'no')
}

/** An explanation as it is printed. */
interface Printed {
  image: string
  refused?: string
  rules: { name: string; tagSuffix: string; applies: Holds; because: string }[]
}

function plain({ reference, refused, verdicts }: PushExplanation): Printed {
  return {
    image: formatReference(reference),
    ...(refused === undefined ? {} : { refused }),
    rules: verdicts.map(({ rule, holds, because }) => ({
      name: rule.name,
      tagSuffix: rule.tagSuffix,
      applies: holds,
      because,
    })),
  }
}

const words: Record<Holds, string> = {
  yes: 'applies',
  no: 'does not apply',
  later: 'may apply',
}

function text({ image, refused, rules }: Printed): string {
  const lines = rules.map(
    ({ name, tagSuffix, applies, because }) =>
      `  ${name} (${tagSuffix}) ${words[applies]}: ${because}`,
  )
  const head = refused === undefined ? [] : [`  nothing is converted: ${refused}`]
  return `${[image, ...head, ...lines].join('\n')}\n`
}
