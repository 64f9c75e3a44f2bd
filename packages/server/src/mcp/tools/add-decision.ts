import { z } from 'zod'
import { addDecision, addDecisionInput } from '../../domain/anchor/add-decision.ts'
import { wrapInjected } from '../../domain/ingest/injected-text.ts'
import { lines, presentCleaned } from './present.ts'
import { additive, defineTool } from './tool.ts'

export const addDecisionTool = defineTool({
  name: 'add_decision',
  title: 'Pin a decision',
  description:
    'Record a decision, constraint, interface, fact, learning or risk that later work must know. Call it whenever you or the user settle something. Never store secrets.',
  scope: 'memory:write',
  visibility: 'listed',
  alwaysLoad: true,
  annotations: additive,
  input: addDecisionInput,
  output: z.object({
    ref: z.string(),
    id: z.string(),
    status: z.string(),
    already_recorded: z.boolean(),
    superseded: z.array(z.string()),
    possible_conflicts: z.array(z.string()),
  }),
  async handle(ctx, memory, args) {
    const added = await addDecision(ctx, memory, args)
    return {
      text: lines(
        added.alreadyRecorded
          ? `Already recorded as ${added.ref}; nothing was added.`
          : `Recorded ${added.ref} (${added.type}).`,
        added.superseded.length > 0 && `It supersedes ${added.superseded.join(', ')}.`,
        added.possibleConflicts.length > 0 &&
          'Possible conflicts; if one of them no longer holds, call update_memory with supersede or retract:',
        added.possibleConflicts.length > 0 &&
          wrapInjected(
            added.possibleConflicts
              .map((each) => `- ${each.ref} (${each.hints.join(', ')}): ${each.content}`)
              .join('\n'),
            { receipt: 'conflicts' },
          ),
        presentCleaned(added.cleaned),
      ),
      structured: {
        ref: added.ref,
        id: added.id,
        status: added.status,
        already_recorded: added.alreadyRecorded,
        superseded: added.superseded,
        possible_conflicts: added.possibleConflicts.map((each) => each.ref),
      },
    }
  },
})
