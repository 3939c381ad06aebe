import { Command } from 'commander'
import { userAgent } from '../config/version.ts'
import { AccelError } from '../errors/accel-error.ts'
import { tellTask } from '../story/task-story.ts'
import type { Sentence } from '../story/sentence.ts'
import { configuration } from './configuration.ts'
import { reportFailure, sourceRequired, voiceOf, type ProgramIo } from './program-io.ts'
import { sentenceStyle, sentenceText } from './sentence-text.ts'
import { addServiceOptions, serviceClient } from './task/service-options.ts'

interface ExplainOptions {
  config?: string
  json: boolean
}

/** What is said, and what it is made from. */
interface Explanation {
  sentences: readonly Sentence<string>[]
  facts: Readonly<Record<string, unknown>>
}

/** Tasks have such ids; no reference looks like one, as it would be the name of a repository of Docker Hub. */
const taskId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** `accelctl explain`: what happened to a task, or what an image is, in sentences. `exit` is told the code. */
export function explainCommand(io: ProgramIo, exit: (code: number) => void): Command {
  const command = new Command('explain')
    .description('say in sentences what happened to a task, or what an image is, and what to do')
    .argument('[what]', 'id of a task of a running acceld, or reference of an image')
    .option('--config <file>', 'path of the configuration file: needed for an image')
    .option('--json', 'print the sentences, and what they are made from, as JSON', false)
  return addServiceOptions(command).action(
    async (what: string | undefined, { config, json }: ExplainOptions) => {
      try {
        if (what === undefined) throw sourceRequired()
        const explained = taskId.test(what)
          ? await explainTask(what, command, io)
          : await explainImage(what, config, io)
        const { sentences, facts } = explained
        io.stdout.write(
          json
            ? `${JSON.stringify({ sentences, ...facts }, null, 2)}\n`
            : sentenceText(sentences, sentenceStyle(io)),
        )
      } catch (error) {
        exit(reportFailure(error, io, voiceOf(io, 'info')))
      }
    },
  )
}

async function explainTask(id: string, command: Command, io: ProgramIo): Promise<Explanation> {
  const client = serviceClient(command, io)
  const task = await client.getTask(id, { signal: io.signal })
  const history = await client.taskHistory(id, { signal: io.signal })
  return { sentences: tellTask(task, history), facts: { task: { ...task, history } } }
}

async function explainImage(
  reference: string,
  file: string | undefined,
  io: ProgramIo,
): Promise<Explanation> {
  if (file === undefined) throw new AccelError('CONFIG_ARGUMENT_MISSING', { name: '--config' })
  const voice = voiceOf(io, 'warning')
  const config = configuration(file, io, voice)
  // clients of registries: nothing that another command needs
  const { readAccount } = await import('../explain/read-account.ts')
  const { tellAccount } = await import('../explain/tell-account.ts')
  const image = await readAccount(reference, voice, {
    config,
    registry: {
      userAgent: userAgent(),
      environment: io.environment,
    },
    signal: io.signal,
  })
  return { sentences: tellAccount(image), facts: { image } }
}
