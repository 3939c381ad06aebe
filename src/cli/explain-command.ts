import { Command } from 'commander'
import { tellTask } from '../story/task-story.ts'
import { reportFailure, sourceRequired, voiceOf, type ProgramIo } from './program-io.ts'
import { sentenceStyle, sentenceText } from './sentence-text.ts'
import { addServiceOptions, serviceClient } from './task/service-options.ts'

interface ExplainOptions {
  json: boolean
}

/** `accelctl explain`: what happened to a task, in sentences. `exit` is told the code. */
export function explainCommand(io: ProgramIo, exit: (code: number) => void): Command {
  const command = new Command('explain')
    .description('say in sentences what happened to a task, and what to do about it')
    .argument('[task]', 'id of a task of a running acceld')
    .option('--json', 'print the sentences, and what they are made from, as JSON', false)
  return addServiceOptions(command).action(
    async (what: string | undefined, { json }: ExplainOptions) => {
      try {
        if (what === undefined) throw sourceRequired()
        const client = serviceClient(command, io)
        const task = await client.getTask(what, { signal: io.signal })
        const history = await client.taskHistory(what, { signal: io.signal })
        const sentences = tellTask(task, history)
        io.stdout.write(
          json
            ? `${JSON.stringify({ sentences, task: { ...task, history } }, null, 2)}\n`
            : sentenceText(sentences, sentenceStyle(io)),
        )
      } catch (error) {
        exit(reportFailure(error, io, voiceOf(io, 'info')))
      }
    },
  )
}
