export { SealpostError } from "./src/error.js";
