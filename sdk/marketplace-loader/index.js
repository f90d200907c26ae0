export { SealpostError } from "@sealpost/plugin-sdk";
