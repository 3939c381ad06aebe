/** A module that leaves a trace, which all threads see, when it is loaded. */
import { foundOnce } from '../../threads/shared-facts.ts'

foundOnce('codec kind', ['native', 'fallback'], () => 'fallback')
