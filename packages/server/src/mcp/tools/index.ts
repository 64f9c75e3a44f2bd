import { addDecisionTool } from './add-decision.ts'
import { fetchTool, searchTool } from './chatgpt.ts'
import { closeFrameTool } from './close-frame.ts'
import { createTaskTool } from './create-task.ts'
import { getActiveTasksTool } from './get-active-tasks.ts'
import { getContextTool } from './get-context.ts'
import { getMemoryTool } from './get-memory.ts'
import { recordEventsTool } from './record-events.ts'
import { searchMemoryTool } from './search-memory.ts'
import { startFrameTool } from './start-frame.ts'
import type { ToolDefinition } from './tool.ts'
import { updateMemoryTool } from './update-memory.ts'
import { updateTaskStatusTool } from './update-task-status.ts'

/** In the order in which they are listed: it never changes by itself, so prompt caches hold. */
export const tools: readonly ToolDefinition[] = [
  getContextTool,
  searchMemoryTool,
  getMemoryTool,
  startFrameTool,
  closeFrameTool,
  addDecisionTool,
  updateMemoryTool,
  createTaskTool,
  updateTaskStatusTool,
  getActiveTasksTool,
  recordEventsTool,
  searchTool,
  fetchTool,
]
