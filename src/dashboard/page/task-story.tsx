import type { WireRecord, WireTaskDetail } from '../../api/contract.ts'
import type { Sentence, Topic } from '../../story/sentence.ts'
import { tellTask } from '../../story/task-story.ts'
import { shortDigests } from '../model/format.ts'

/** What is told here; what became of the task, what is to be done, and earlier attempts have their own places on the page. */
const topics: readonly Topic[] = ['layers', 'size', 'check', 'time']

/** What happened to a task, in sentences: those of `accelctl explain`. Nothing where there is nothing to tell yet. */
export function TaskStory({ task, records }: { task: WireTaskDetail; records: WireRecord[] }) {
  if (task.state === 'running') return null
  const sentences = tellTask(task, records).filter(({ topic }) => topics.includes(topic))
  if (sentences.length === 0) return null
  return (
    <section class="card" aria-labelledby="story">
      <h2 id="story">What happened</h2>
      <ul class="plain story">
        {sentences.map((sentence) => (
          <Told key={sentence.text} {...sentence} />
        ))}
      </ul>
    </section>
  )
}

function Told({ tone, text, fix }: Sentence) {
  return (
    <li class={tone}>
      {tone === 'warning' && <strong>Note: </strong>}
      {shortDigests(text)}
      {fix !== undefined && <code class="fix">{fix}</code>}
    </li>
  )
}
